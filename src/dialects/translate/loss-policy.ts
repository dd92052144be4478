import { GatewayError } from '../../errors.js';
import type { Loss } from '../codec.js';

/** `strict` refuses any loss; `warn` tells it to the client; `allow` only records it. */
export type LossPolicy = 'strict' | 'warn' | 'allow';

const strictness: readonly LossPolicy[] = ['allow', 'warn', 'strict'];

/** The stricter policy of a key and a provider; without either, losses are reported. */
export function stricter(ofKey: LossPolicy | null, ofProvider: LossPolicy | null): LossPolicy {
  if (ofKey === null || ofProvider === null) return ofKey ?? ofProvider ?? 'warn';
  return strictness.indexOf(ofKey) > strictness.indexOf(ofProvider) ? ofKey : ofProvider;
}

/**
 * Refuses what a policy does not let pass. What a target cannot be sent at all is refused by each.
 * @throws GatewayError `invalid_request`, naming every field.
 */
export function checkLosses(losses: readonly Loss[], policy: LossPolicy, target: string): void {
  const refused = losses.filter(({ kind }) => policy === 'strict' || kind === 'rejected');
  const [first] = refused;
  if (!first) return;
  const list = refused.map(({ field, reason }) => `'${field}' ${reason}`).join('; ');
  throw new GatewayError(
    'invalid_request',
    `The request cannot be expressed in ${target}: ${list}.`,
    {
      param: first.field,
    },
  );
}

/** A header's worth. */
const maxHeaderLength = 1024;

/** The value of `x-llmproxy-lost`, as `top_k=dropped, messages[3]=approximated`; null for none. */
export function lossHeader(losses: readonly Loss[]): string | null {
  const words = new Set(losses.map(({ field, kind }) => `${field}=${kind}`));
  let value = '';
  for (const word of words) {
    const next = value === '' ? word : `${value}, ${word}`;
    if (next.length > maxHeaderLength) {
      value += ', ...';
      break;
    }
    value = next;
  }
  // Names of fields are the client's: they may hold anything.
  return value === '' ? null : value.replace(/[^\x20-\x7e]/g, '?');
}
