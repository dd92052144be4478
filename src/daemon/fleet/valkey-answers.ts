import { createHash } from 'node:crypto';
import type { Settings } from '../../config/settings/settings-types.js';
import type { KeptAnswer } from '../../policies/cache/kept-answer.js';
import {
  packAnswer,
  type RemoteAnswer,
  type RemoteAnswers,
  unpackAnswer,
} from '../../policies/cache/remote-answers.js';
import type { Store } from '../store.js';
import { Valkey, valkeyScript } from './valkey.js';

/** Clients wait for it, so a provider is asked instead of a slow store. */
const timeoutMs = 250;
/** Pause after a failure, during which nothing is requested. */
const pauseMs = 1_000;
/** Bytes on their way to the store; past it, answers are not shared. */
const maxUnderWay = 16_777_216;

/**
 * Keeps an answer, and forgets those that have expired, then those that expire first, until all fit.
 * KEYS: the answer, times of expiry, sizes, the sum of sizes. ARGV: bytes, milliseconds to live,
 * bytes that all may take, the prefix of answers.
 */
const putting = valkeyScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer, expiries, sizes, sum = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local size, ttl, most, prefix = #ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local name = string.sub(answer, #prefix + 1)
local function forget(one)
  redis.call('UNLINK', prefix .. one)
  redis.call('ZREM', expiries, one)
  redis.call('DECRBY', sum, redis.call('HGET', sizes, one) or 0)
  redis.call('HDEL', sizes, one)
end
forget(name)
local expired = redis.call('ZRANGEBYSCORE', expiries, '-inf', now, 'LIMIT', 0, 1000)
for _, one in ipairs(expired) do forget(one) end
if size > most then return 0 end
while tonumber(redis.call('GET', sum) or 0) + size > most do
  local first = redis.call('ZRANGE', expiries, 0, 0)[1]
  if not first then
    redis.call('DEL', sum)
    break
  end
  forget(first)
end
redis.call('SET', answer, ARGV[1], 'PX', ttl)
redis.call('ZADD', expiries, now + ttl, name)
redis.call('HSET', sizes, name, size)
redis.call('INCRBY', sum, size)
return 1`);

/** The answers that daemons share in the fleet's Valkey; null if there is none. */
export function openRemoteAnswers(
  { fleet, cache }: Pick<Settings, 'fleet' | 'cache'>,
  store: Pick<Store, 'sql'>,
): RemoteAnswers | null {
  const { valkey_url: url, valkey_ca: ca } = fleet;
  if (url === null || cache.valkey_max_bytes === 0) return null;
  return new ValkeyAnswers(new Valkey({ url, ca, timeoutMs, store }), cache.valkey_max_bytes);
}

class ValkeyAnswers implements RemoteAnswers {
  readonly state = { hits: 0, misses: 0, failures: 0 };
  readonly #valkey: Valkey;
  readonly #maxBytes: number;
  #underWay = 0;
  #pausedUntilMs = 0;

  constructor(valkey: Valkey, maxBytes: number) {
    this.#valkey = valkey;
    this.#maxBytes = maxBytes;
  }

  async get(key: string): Promise<RemoteAnswer | null> {
    const bytes = await this.#try(async () => {
      const name = await this.#valkey.keyOf(answerPrefix + nameOf(key));
      return (await this.#valkey.sendForBytes(['GET', name])) as Buffer | null;
    });
    if (bytes === undefined) return null;
    const found = bytes && readable(bytes);
    if (found) this.state.hits++;
    else this.state.misses++;
    return found;
  }

  put(key: string, answer: KeptAnswer, purgedTo: number): void {
    const bytes = packAnswer(answer, purgedTo);
    const ttlMs = Math.ceil(answer.expiresAt - Date.now());
    if (ttlMs <= 0 || this.#underWay + bytes.length > maxUnderWay) return;
    this.#underWay += bytes.length;
    const put = async () => {
      const prefix = await this.#valkey.keyOf(answerPrefix);
      const books = ['answer-expiries', 'answer-sizes', 'answer-bytes'];
      const keys = await Promise.all(books.map((name) => this.#valkey.keyOf(name)));
      const values = [bytes, String(ttlMs), String(this.#maxBytes), prefix];
      await this.#valkey.run(putting, [prefix + nameOf(key), ...keys], values);
    };
    void this.#try(put).finally(() => {
      this.#underWay -= bytes.length;
    });
  }

  close(): Promise<void> {
    return this.#valkey.close();
  }

  /** Undefined where it failed, or has failed just before. */
  async #try<T>(use: () => Promise<T>): Promise<T | undefined> {
    if (performance.now() < this.#pausedUntilMs) return undefined;
    try {
      return await use();
    } catch {
      this.state.failures++;
      this.#pausedUntilMs = performance.now() + pauseMs;
      return undefined;
    }
  }
}

const answerPrefix = 'answer:';

/** The key itself is long, and holds names. */
function nameOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}

/** Null for an answer that another version has stored. */
function readable(bytes: Buffer): RemoteAnswer | null {
  try {
    return unpackAnswer(bytes);
  } catch {
    return null;
  }
}
