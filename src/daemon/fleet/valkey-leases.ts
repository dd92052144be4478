import { confirming, type LeaseStore } from '../../limits/lease-store.js';
import { Valkey, type ValkeyOptions, valkeyScript } from './valkey.js';
import { keepSharesScript, takeScript } from './valkey-script.js';

const taking = valkeyScript(takeScript);
const keepingShares = valkeyScript(keepSharesScript);

/** Leases in a Valkey or Redis, by one script. @param daemon id of this one. */
export function valkeyLeases(options: ValkeyOptions, daemon: string): LeaseStore {
  const valkey = new Valkey(options);
  return {
    take: confirming(async (wanted, dead, last) => {
      const names = ['members', 'clock', ...wanted.map((each) => `limit:${each.name}`)];
      const keys = await Promise.all(names.map((name) => valkey.keyOf(name)));
      const confirmed = [last?.at, last?.size].map((number) => String(number ?? ''));
      const values = [daemon, JSON.stringify(dead), JSON.stringify(wanted), ...confirmed];
      const taken = JSON.parse(String(await valkey.run(taking, keys, values)));
      const grants = wanted.map(({ name }, i) => ({ name, ...taken.grants[i] }));
      return { size: taken.size, rank: taken.rank, at: Number(taken.at), grants };
    }),
    async keepShares(daemons) {
      const keys = [await valkey.keyOf('members'), await valkey.keyOf('clock')];
      await valkey.run(keepingShares, keys, daemons);
    },
    async leave() {
      await valkey.send(['HDEL', await valkey.keyOf('members'), daemon]);
    },
    close: () => valkey.close(),
  };
}
