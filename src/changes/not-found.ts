import { didYouMean } from '../config/nearest.js';
import { GatewayError } from '../errors.js';

/**
 * Reports a row that does not exist.
 * @param rows those of its kind that are in use; undefined: they are not known.
 * @throws GatewayError `not_found`, with the name that was probably meant.
 */
export function notFound(kind: string, ref: string, rows: readonly { name: string }[] = []): never {
  throw new GatewayError('not_found', thereIsNo(kind, ref, rows), { param: 'id' });
}

/** Names a row that does not exist, and the one of `rows` that was probably meant. */
export function thereIsNo(kind: string, ref: string, rows: readonly { name: string }[]): string {
  const names = rows.map(({ name }) => name);
  return `There is no ${kind} "${ref}"${didYouMean(ref, names) || '.'}`;
}
