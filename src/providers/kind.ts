import type { Provider, ProviderParams } from '../config/configuration.js';
import type { Quirks } from '../dialects/codec.js';
import type { AnsweredDialect } from '../dialects/dialect.js';
import type { AskedEndpoint } from '../dialects/endpoint.js';

/** A provider's address, authentication and dialects, by its type. Pure. */
export interface ProviderKind {
  /** Base URL used without `api_base`; null if that must be given. */
  defaultBase(params: ProviderParams): string | null;
  /**
   * The path of requests for a model, with its query; null where the provider does not speak the
   * endpoint's dialect.
   * @param base path of `api_base`, without a trailing slash.
   * @param model as the provider knows it.
   */
  path(
    provider: Provider,
    base: string,
    endpoint: AskedEndpoint,
    model: string,
    stream: boolean,
  ): string | null;
  /** The name of a model in the first message of a session; absent: `model` itself. */
  sessionModel?(provider: Provider, model: string): string;
  /** The path of its list of models. */
  listPath(provider: Provider, base: string): string;
  /** Headers of every request, flat, lower case; those in `provider_params.headers` win. */
  headers(provider: Provider): readonly string[];
  /** Default headers that a client may override, flat, lower case. */
  readonly defaults: readonly string[];
  /** Differences from its dialects that translation must respect. */
  quirks(provider: Provider): Quirks;
  /** For a provider with signed requests; null where headers are enough. */
  sign?(provider: Provider): Sign | null;
  /** Carries another maker's dialect; null if it speaks the dialect unchanged. */
  hosted?(endpoint: AskedEndpoint): Hosted | null;
}

export interface RequestToSign {
  method: string;
  host: string;
  /** With its query. */
  path: string;
  /** Flat, lower case. */
  headers: readonly string[];
  body: Buffer | string | null;
}

/**
 * The authentication headers, flat, lower case.
 * @param nowMs wall clock, milliseconds.
 */
export type Sign = (request: RequestToSign, nowMs: number) => string[];

/** A dialect of one maker at the cloud of another. */
export interface Hosted {
  /** Reads its answers. */
  readonly dialect: AnsweredDialect;
  /**
   * A request in the host's form.
   * @param betas value of the client's `anthropic-beta`, or empty.
   * @returns its body and further headers, flat, lower case.
   */
  carry(body: Buffer, betas: string): { body: Buffer; headers: readonly string[] };
}
