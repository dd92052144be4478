import { type Finding, failed, ok } from '../../admin/health/finding.js';
import type { Settings } from '../../config/settings/settings.js';
import { Valkey, valkeyScript } from '../../daemon/fleet/valkey.js';
import { errorMessage } from '../failure.js';

const timeoutMs = 2_000;
/** Uses what the daemons' scripts use, on a key like theirs, and leaves nothing. */
const script = valkeyScript(`
redis.call('TIME')
redis.call('HGET', KEYS[1], 'at')
redis.call('HMGET', KEYS[1], 'at', 'seconds')
redis.call('HSET', KEYS[1], 'at', '1')
redis.call('EXPIRE', KEYS[1], 60)
redis.call('HGETALL', KEYS[1])
redis.call('HDEL', KEYS[1], 'at')`);
const key = '{llmproxy:doctor}:check';

/** Checks the Valkey or Redis that limits are leased from; null if that is the database. */
export async function checkLimitStore({ fleet }: Settings): Promise<Finding | null> {
  if (fleet.valkey_url === null) return null;
  const check = 'limit store';
  const valkey = new Valkey({ url: fleet.valkey_url, ca: fleet.valkey_ca, timeoutMs });
  try {
    await valkey.send(['EVAL', script.text, '1', key]);
    await valkey.run(script, [key], []);
    await valkey.send(['HDEL', key, 'at']);
    return ok(check, `Valkey or Redis at ${new URL(fleet.valkey_url).host}`);
  } catch (error) {
    const todo = 'see fleet.valkey_url: without it each daemon keeps to its share of every limit';
    return failed(check, errorMessage(error), todo);
  } finally {
    await valkey.close().catch(() => {});
  }
}
