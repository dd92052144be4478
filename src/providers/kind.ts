import type { Provider } from '../config/configuration.js';
import type { Quirks } from '../dialects/codec.js';
import type { AskedEndpoint } from '../dialects/endpoint.js';

/** Where a provider lives, how it authenticates, and which dialects it speaks. Pure. */
export interface ProviderKind {
  /** Where it is when `api_base` is not given; null where it must be. */
  readonly defaultBase: string | null;
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
}
