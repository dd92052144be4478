import type { Dialect } from '../../dialects/dialect.js';
import { edited } from '../../dialects/head.js';
import { issuedSecret } from '../../dialects/openai/client-secrets.js';
import { GatewayError } from '../../errors.js';
import type { Exchange } from '../../server/exchange.js';
import { wholeOf } from '../answer/respond-translated.js';
import type { Answer } from '../attempts/planned-request.js';
import type { Gateway } from '../gateway.js';
import type { RequestRecord } from '../record.js';
import { sealSecret } from './client-secret.js';

/**
 * Puts the gateway's own secret in the place of the provider's: a client that had that one could
 * use the provider past the gateway.
 * @throws GatewayError `upstream_failed` for an answer without one, as `wholeOf`; AbortedError.
 */
export async function replaceSecret(
  gateway: Gateway,
  dialect: Dialect,
  answer: Answer,
  exchange: Exchange,
  record: RequestRecord,
): Promise<void> {
  const { attempt } = answer;
  if (dialect.name !== 'openai.client_secrets' || attempt.status >= 400) return;
  const body = attempt.ended
    ? attempt.takeHeld()
    : await wholeOf(gateway, answer, exchange, record);
  const issued = issuedSecret(body);
  if (!issued) {
    const message = `The provider "${record.provider}" answered without a client secret.`;
    throw new GatewayError('upstream_failed', message);
  }
  const { span, ...secret } = issued;
  const sealed = sealSecret(
    {
      ...secret,
      keyHash: record.credential?.hash ?? '',
      provider: record.provider ?? '',
      model: record.model ?? '',
    },
    gateway.seals.key,
  );
  attempt.edit(edited(body, [{ ...span, bytes: Buffer.from(JSON.stringify(sealed)) }]));
}
