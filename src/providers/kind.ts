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
  /** The path of its list of models. */
  listPath(provider: Provider, base: string): string;
  /** Headers of every request, flat, lower case; those in `provider_params.headers` win. */
  headers(provider: Provider): readonly string[];
  /** Headers that it wants and a client may set, flat, lower case. */
  readonly defaults: readonly string[];
  /** In what it differs from the dialects that it is said to speak; for what is translated. */
  quirks(provider: Provider): Quirks;
  /** For a provider whose requests are signed one by one; null where headers are enough. */
  sign?(provider: Provider): Sign | null;
  /** The way in which it carries another maker's dialect; null where it speaks it as it is. */
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

/** The headers that prove who asks, flat, lower case. @param nowMs wall clock, milliseconds. */
export type Sign = (request: RequestToSign, nowMs: number) => string[];

/** A dialect of one maker at the cloud of another. */
export interface Hosted {
  /** Reads its answers. */
  readonly dialect: AnsweredDialect;
  /**
   * A request as the host takes it.
   * @param betas value of the client's `anthropic-beta`, or empty.
   * @returns its body and further headers, flat, lower case.
   */
  carry(body: Buffer, betas: string): { body: Buffer; headers: readonly string[] };
}
