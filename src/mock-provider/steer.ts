import type { Exchange } from '../server/exchange.js';
import { waitFor } from './play-stream.js';
import { ProviderError } from './provider-error.js';
import type { Steering } from './steering.js';

/**
 * Does what the model's name demands instead of an answer. True when the request is dealt with.
 * @throws ProviderError of the status that the name demands; AbortedError as `waitFor`.
 */
export async function steer(exchange: Exchange, steering: Steering | null): Promise<boolean> {
  switch (steering?.kind) {
    case 'status':
      throw new ProviderError(steering.status, `The mock provider answers ${steering.status}.`, {
        code: `mock_status_${steering.status}`,
      });
    case 'hang':
      await waitFor(exchange, Infinity);
      return true;
    case 'reset':
      exchange.destroy();
      return true;
    default:
      return false;
  }
}
