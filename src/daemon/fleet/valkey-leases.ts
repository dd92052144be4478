import type { LeaseStore } from '../../limits/lease-store.js';
import { Valkey, type ValkeyOptions, valkeyScript } from './valkey.js';
import { keepSharesScript, takeScript } from './valkey-script.js';

const taking = valkeyScript(takeScript);
const keepingShares = valkeyScript(keepSharesScript);

/** Leases in a Valkey or Redis, by one script. @param daemon id of this one. */
export function valkeyLeases(options: ValkeyOptions, daemon: string): LeaseStore {
  const valkey = new Valkey(options);
  return {
    async take(wanted, dead) {
      const limits = wanted.map((each) => `limit:${each.name}`);
      const names = ['members', 'clock', 'shares', ...limits];
      const keys = await Promise.all(names.map((name) => valkey.keyOf(name)));
      const values = [daemon, JSON.stringify(dead), JSON.stringify(wanted)];
      const { size, rank, grants } = JSON.parse(String(await valkey.run(taking, keys, values)));
      return { size, rank, grants: wanted.map((each, i) => ({ name: each.name, ...grants[i] })) };
    },
    async keepShares(ownMs, living) {
      const keys = [await valkey.keyOf('members'), await valkey.keyOf('shares')];
      const others = living.flatMap(({ id, ageMs }) => [id, String(ageMs / 1_000)]);
      const values = [daemon, String(ownMs / 1_000), ...others];
      return (await valkey.run(keepingShares, keys, values)) as string[];
    },
    async leave() {
      for (const name of ['members', 'shares']) {
        await valkey.send(['HDEL', await valkey.keyOf(name), daemon]);
      }
    },
    close: () => valkey.close(),
  };
}
