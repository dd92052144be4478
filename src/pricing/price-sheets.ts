import { hash } from 'node:crypto';
import type { Provider } from '../config/configuration.js';
import type { Price, PriceSheet } from '../config/rows/price.js';
import { catalogName, catalogOf } from './catalog.js';

/**
 * Assigns price sheets to providers. Equal sheets are the same object, over providers and reads of
 * the configuration, so that unchanged ones are not sent to workers again.
 */
export class PriceSheets {
  #sheets = new Map<string, PriceSheet>();

  /** @param own the operator's prices. */
  attach(providers: readonly Provider[], own: readonly Price[]): Provider[] {
    const digest = own.length === 0 ? '' : hash('sha256', JSON.stringify(own)).slice(0, 16);
    const used = new Map<string, PriceSheet>();
    const attached = providers.map((provider) => {
      const { id, models: catalog } = catalogOf(provider);
      const markupPercent = provider.provider_params.markup_percent ?? 0;
      const revision = `${catalogName}/${id} ${digest} ${markupPercent}`;
      const sheet = used.get(revision) ??
        this.#sheets.get(revision) ?? { revision, own, catalog, markupPercent };
      used.set(revision, sheet);
      return { ...provider, prices: sheet };
    });
    this.#sheets = used;
    return attached;
  }
}
