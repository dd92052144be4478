import { didYouMean } from '../config/nearest.js';
import { GatewayError } from '../errors.js';

/**
 * Reports a row that does not exist.
 * @param rows those of its kind that are in use; undefined: they are not known.
 * @throws GatewayError `not_found`, with the name that was probably meant.
 */
export function notFound(kind: string, ref: string, rows: readonly { name: string }[] = []): never {
  const names = rows.map(({ name }) => name);
  const message = `There is no ${kind} "${ref}"${didYouMean(ref, names) || '.'}`;
  throw new GatewayError('not_found', message, { param: 'id' });
}
