import { totalmem } from 'node:os';

/** Memory of a server on a machine that does other work too; MiB. */
export const defaultMemoryMb = 128;
const mb = 1_048_576;
/** PostgreSQL's default. With less it would avoid indexes of large tables. */
const minCacheMb = 4_096;

/**
 * Settings for a server that may use this much memory: a quarter for its buffers, the rest for its
 * queries and the system's file cache.
 * @param memory MiB, or `machine`: half of the memory of this machine or container.
 * @param machineMb memory of the machine.
 */
export function sizingFor(memory: number | 'machine', machineMb = machineMemoryMb()): string[] {
  const allMb = memory === 'machine' ? machineMb / 2 : memory;
  const part = (of: number, least: number, most: number) =>
    `${Math.floor(Math.min(Math.max(allMb / of, least), most))}MB`;
  return [
    `shared_buffers=${part(4, 16, 16_384)}`,
    `effective_cache_size=${part(4 / 3, minCacheMb, Number.MAX_SAFE_INTEGER)}`,
    `maintenance_work_mem=${part(16, 64, 1_024)}`,
    `work_mem=${part(256, 4, 64)}`,
    `max_wal_size=${part(1, 1_024, 8_192)}`,
  ];
}

/** Memory of the machine, or the limit of its cgroup if that is lower. */
function machineMemoryMb(): number {
  const limit = process.constrainedMemory();
  // Without a limit it is 0, or far more than the machine has.
  return (limit > 0 ? Math.min(limit, totalmem()) : totalmem()) / mb;
}
