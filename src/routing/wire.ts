import { hash } from 'node:crypto';
import type { Provider, ProviderTls, Timeouts } from '../config/configuration.js';
import { compileModelPattern, matchesPattern } from '../config/rows/model-pattern.js';
import type { AnsweredDialect } from '../dialects/dialect.js';
import type { AskedEndpoint } from '../dialects/endpoint.js';
import { modelEndpoints } from '../dialects/endpoints.js';
import type { LossPolicy } from '../dialects/translate/loss-policy.js';
import { translationTargets } from '../dialects/translate/targets.js';
import type { Way } from '../dialects/translate/way.js';
import { type WayNames, wayBetween } from '../dialects/translate/way-between.js';
import { kindOf } from '../providers/index.js';
import type { Hosted, Sign } from '../providers/kind.js';
import { compileForwards } from './forwarded-headers.js';
import { queryNames, withQuery } from './query.js';

/** Everything about requests to a provider that is independent of the request, compiled once. */
export interface Wire {
  readonly connection: Connection;
  /** With its query. */
  readonly path: string;
  /** Path for streams, which some dialects keep apart. */
  readonly streamPath: string;
  /** Flat list of the headers that every request carries, lower case. */
  readonly headers: readonly string[];
  /** Their names: the client's headers of these names are not sent. */
  readonly headerNames: ReadonlySet<string>;
  /** Headers sent unless the client sets one of their names; flat, lower case. */
  readonly defaults: readonly string[];
  /** True if a client's header of this name, in lower case, is sent. */
  readonly forwards: (name: string) => boolean;
  /** Names in the query of `path`: the client's parameters of these names are not sent. */
  readonly queryNames: ReadonlySet<string>;
  /** The provider's timeouts for this model; the settings fill in the others. */
  readonly timeouts: Timeouts;
  /** True if usage may be requested in streams. */
  readonly asksUsage: boolean;
  /** The dialect of the provider's requests and answers. */
  readonly dialect: AnsweredDialect;
  /** Null for the client's own dialect. */
  readonly translation: WireTranslation | null;
  /** Null where the provider accepts the dialect's own bodies. */
  readonly carry: Hosted['carry'] | null;
  /** Null where the headers are enough. */
  readonly sign: Sign | null;
  /** The model's name in the first message of a session. */
  readonly sessionModel: string;
}

/** From a client's dialect to a provider's, and back. */
export interface WireTranslation {
  readonly way: Way;
  readonly names: WayNames;
  /** Null: the provider sets no policy. */
  readonly losses: LossPolicy | null;
}

/** Requests whose connections have the same key share a pool. */
export interface Connection {
  readonly key: string;
  readonly origin: string;
  /** Null: the setting's. */
  readonly connectMs: number | null;
  /** PEM. */
  readonly tls: ProviderTls['pem'] | null;
  /** The provider's own proxy: a URL, or `none`; null: that of the settings. */
  readonly proxy: string | null;
  /** True if it is known to want HTTP/2; otherwise HTTP/2 is used only where nothing else is offered. */
  readonly http2: boolean;
}

/** A provider's wires; made once for each provider of a snapshot. */
export interface ProviderWires {
  readonly connection: Connection;
  /** To an endpoint, for a model by the provider's name; null where it does not speak the dialect. */
  to(endpoint: AskedEndpoint, model: string): Wire | null;
  /** The same by way of another dialect; null where no translation leads to one that it speaks. */
  translated(endpoint: AskedEndpoint, model: string): Wire | null;
  /** To its list of models. */
  readonly list: Omit<Wire, 'dialect' | 'translation' | 'carry' | 'sessionModel'>;
}

/** The wire that requests at an endpoint take; null where the provider cannot be asked for them. */
export function wireAt(wires: ProviderWires, endpoint: AskedEndpoint, model: string): Wire | null {
  return wires.to(endpoint, model) ?? wires.translated(endpoint, model);
}

export function compileWires(provider: Provider): ProviderWires {
  const { api_base, provider_key, provider_type, provider_params } = provider;
  const kind = kindOf(provider_type);
  const { origin, pathname } = new URL(api_base);
  const base = pathname.replace(/\/+$/, '');
  const connectMs = provider_params.timeouts?.connect_ms ?? null;
  // Encoded answers could not be read as they pass; a provider that encodes regardless is decoded.
  const own = [...kind.headers(provider), 'accept-encoding', 'identity'];
  const headers = headersOf(provider, own);
  const timeoutsFor = compileTimeouts(provider);
  const tls = provider_params.tls?.pem ?? null;
  const tlsHash = tls ? hash('sha256', JSON.stringify(tls)) : '';
  const { proxy = null, http2 = false } = provider_params;
  const key = `${provider_key} ${origin} ${connectMs ?? ''} ${tlsHash} ${proxy ?? ''} ${http2}`;
  const connection = { key, origin, connectMs, tls, proxy, http2 };
  const common = {
    connection,
    headers,
    headerNames: new Set(headers.filter((_, index) => index % 2 === 0)),
    defaults: kind.defaults,
    forwards: compileForwards((provider_params.forward_headers ?? []).map(lowerCase)),
    asksUsage: provider_params.stream_usage !== false,
    sign: kind.sign?.(provider) ?? null,
  };
  const target = (kindsPath: string, kindsStreamPath = kindsPath) => {
    const query = provider_params.query ?? {};
    const path = withQuery(kindsPath, query);
    const streamPath = withQuery(kindsStreamPath, query);
    return { path, streamPath, queryNames: queryNames(streamPath) };
  };
  const wireTo = (endpoint: AskedEndpoint, model: string): Wire | null => {
    const path = kind.path(provider, base, endpoint, model, false);
    if (path === null) return null;
    const streamPath = kind.path(provider, base, endpoint, model, true) ?? path;
    const hosted = kind.hosted?.(endpoint);
    const timeouts = timeoutsFor(model);
    const sessionModel = kind.sessionModel?.(provider, model) ?? model;
    const paths = target(path, streamPath);
    const own = { ...common, ...paths, timeouts, sessionModel, translation: null };
    if (!hosted) return { ...own, dialect: endpoint.dialect, carry: null };
    const { dialect, carry } = hosted;
    // A host reads headers of the dialect's maker in its own way, or refuses them.
    const forwards = (name: string) => !name.startsWith('anthropic-') && common.forwards(name);
    return { ...own, dialect, carry, forwards };
  };
  return {
    connection,
    to: wireTo,
    translated(endpoint, model) {
      const { losses = null } = provider_params;
      const quirks = kind.quirks(provider);
      for (const target of translationTargets) {
        const client = endpoint.dialect.name;
        const names = { client, provider: target.dialect.name, model, quirks };
        const way = wayBetween(names);
        const wire = way && wireTo(target, model);
        if (wire) return { ...wire, translation: { way, names, losses } };
      }
      return null;
    },
    list: {
      ...common,
      ...target(kind.listPath(provider, base)),
      timeouts: provider_params.timeouts ?? {},
    },
  };
}

function lowerCase(name: string): string {
  return name.toLowerCase();
}

/**
 * The APIs of conversations that a provider is asked in another one for, by their names without
 * their makers', such as `messages`.
 */
export function translatedApis({ to, translated }: ProviderWires, model: string): string[] {
  const apis = modelEndpoints
    .filter(({ dialect }) => dialect.operation === 'chat')
    .filter((endpoint) => !to(endpoint, model) && translated(endpoint, model))
    .map(({ dialect }) => dialect.name.replace(/^.*\./, ''));
  // Gemini has an endpoint of its own for streams.
  return [...new Set(apis)];
}

/** Another value in `provider_params.headers` replaces the kind's own, such as the bearer token. */
function headersOf({ provider_params }: Provider, own: readonly string[]): readonly string[] {
  const headers = Object.entries(provider_params.headers ?? {}).flatMap(([name, value]) => [
    name.toLowerCase(),
    value,
  ]);
  const replaced = new Set(headers.filter((_, index) => index % 2 === 0));
  for (let i = 0; i < own.length; i += 2) {
    const [name = '', value = ''] = own.slice(i, i + 2);
    if (!replaced.has(name)) headers.push(name, value);
  }
  return headers;
}

/** A model's own timeouts win over its provider's. */
function compileTimeouts({ provider_params }: Provider): (model: string) => Timeouts {
  const { timeouts: ofAll = {}, model_timeouts = {} } = provider_params;
  const ofSome = Object.entries(model_timeouts).map(([name, timeouts]) => ({
    pattern: compileModelPattern(name),
    timeouts: { ...ofAll, ...timeouts },
  }));
  return (model) =>
    ofSome.find(({ pattern }) => typeof pattern !== 'string' && matchesPattern(pattern, model))
      ?.timeouts ?? ofAll;
}
