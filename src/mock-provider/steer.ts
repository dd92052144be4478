import type { Exchange } from '../server/exchange.js';
import { waitFor } from './play-stream.js';
import { ProviderError } from './provider-error.js';
import type { Steering } from './steering.js';

/**
 * Performs the effect that the model's name asks for. Returns true when no answer is to follow.
 * @throws ProviderError with the status in the name; AbortedError as `waitFor`.
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
