import { GatewayError } from '../errors.js';
import type { Exchange } from '../server/exchange.js';
import type { Attempt } from '../upstream/attempt.js';
import { errorEvent, isEventStream } from '../upstream/providers/openai.js';
import type { UpstreamError } from '../upstream/upstream-error.js';
import { clientHeaders } from './headers.js';
import type { RequestRecord } from './request-record.js';

/** An answer up to this size that is no stream is sent in one piece, head and body. */
const maxWholeBytes = 262_144;

/**
 * Passes a provider's answer on as it arrives, no faster than the client reads: at most one piece
 * waits for it. Resolves when the exchange is over, however it ended.
 * @throws GatewayError where the answer breaks and nothing of it was sent.
 */
export function relay(attempt: Attempt, exchange: Exchange, record: RequestRecord): Promise<void> {
  const { status } = attempt;
  const headers = clientHeaders(attempt.headers, record.requestId);
  const stream = isEventStream(attempt.headers['content-type']);
  let whole: Buffer[] | null = stream ? null : [];
  let wholeBytes = 0;
  record.status = status;
  record.stream = stream;

  const startStream = () => {
    exchange.writeHead(status, headers);
    exchange.onWritable(() => attempt.resume());
  };
  if (stream) startStream();

  return new Promise((resolve, reject) => {
    exchange.onAbort(() => {
      attempt.abort();
      resolve();
    });
    attempt.read({
      onData(chunk) {
        record.firstTokenMs ??= performance.now() - record.startMs;
        if (!whole) return exchange.write(chunk);
        whole.push(chunk);
        wholeBytes += chunk.length;
        if (wholeBytes <= maxWholeBytes) return true;
        startStream();
        const held = Buffer.concat(whole);
        whole = null;
        return exchange.write(held);
      },
      onEnd() {
        record.complete = true;
        if (whole) exchange.respond(status, headers, oneBuffer(whole));
        else exchange.end();
        resolve();
      },
      onError(error) {
        const broken = brokenAnswer(error, record);
        if (!exchange.headSent) return reject(broken);
        record.error = broken.code;
        if (stream) exchange.write(errorEvent(broken.toBody()));
        exchange.destroy();
        resolve();
      },
    });
  });
}

function brokenAnswer(error: UpstreamError, { provider }: RequestRecord): GatewayError {
  return new GatewayError(
    error.failure === 'timeout' ? 'upstream_timeout' : 'upstream_failed',
    `The provider "${provider}" ${error.message} before its answer was complete.`,
    { cause: error },
  );
}

function oneBuffer(chunks: Buffer[]): Buffer {
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}
