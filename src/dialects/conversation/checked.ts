import { GatewayError } from '../../errors.js';
import type { Loss } from '../codec.js';
import { WrongField } from './read.js';

/**
 * Reads a client's request, or writes it for a provider.
 * @throws GatewayError `invalid_request` naming the field.
 */
export function readField<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    // Texts in a body, such as arguments of a call, may hold JSON of any depth.
    if (error instanceof RangeError) {
      throw new GatewayError('invalid_request', 'The request is nested too deeply.');
    }
    if (!(error instanceof WrongField)) throw error;
    const param = error.field === '' ? {} : { param: error.field };
    throw new GatewayError('invalid_request', error.message, param);
  }
}

/**
 * Reads a provider's answer.
 * @throws GatewayError `upstream_failed` for an invalid one.
 */
export function readProvider<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WrongField)) throw error;
    const message = `The provider's answer cannot be read: ${error.message}`;
    throw new GatewayError('upstream_failed', message);
  }
}

/** Losses with the client's own names of fields; fields without one keep the neutral name. */
export function renamed(
  losses: readonly Loss[],
  names: Readonly<Record<string, string | null>>,
): Loss[] {
  return losses.map((loss) => {
    const [, root = '', rest = ''] = /^(\w+)(.*)$/.exec(loss.field) ?? [];
    const name = Object.hasOwn(names, root) ? names[root] : null;
    return name ? { ...loss, field: name + rest } : loss;
  });
}
