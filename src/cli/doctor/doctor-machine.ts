import { readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, failed, ok, warning } from '../../admin/health/finding.js';
import { minKeyLength } from '../../config/secrets/credential-key.js';
import type { DescribedSetting, Settings } from '../../config/settings/settings.js';
import type { Processes } from '../../daemon/workers/processes-file.js';
import { errorMessage } from '../failure.js';

/** The first version with every used feature, as in `engines` of package.json. */
const minNode = [20, 18, 1] as const;
/** A request needs two sockets: the client's and the provider's. */
const fewFiles = 10_000;
const tooFewFiles = 1_024;
const littleSpaceBytes = 1_000_000_000;
const tooLittleSpaceBytes = 100_000_000;

export function checkNode(version = process.versions.node): Finding {
  const parts = version.split('.').map(Number);
  const at = minNode.findIndex((least, index) => parts[index] !== least);
  const isOld = at >= 0 && (parts[at] ?? 0) < (minNode[at] ?? 0);
  if (!isOld) return ok('node', `v${version}`);
  return failed('node', `v${version} is too old`, `install Node ${minNode.join('.')} or newer`);
}

/**
 * Only root and the daemon's user should be able to read a file with secrets.
 * @param file that was read; or null.
 */
export function checkSettingsFile(
  file: string | null,
  settings: readonly DescribedSetting[],
): Finding {
  const check = 'settings';
  if (file === null) return ok(check, 'no settings file: the environment and defaults');
  const secrets = settings
    .filter(({ origin, value }) => origin === 'file' && value === '(set)')
    .map(({ name }) => name);
  if (secrets.length === 0 || (modeOf(file) & 0o004) === 0) return ok(check, file);
  const detail = `others may read ${file}, which has ${secrets.join(', ')}`;
  return warning(check, detail, `chmod o-r ${file}, and give it the group of the daemon`);
}

/** 0 if it cannot be seen, as in a folder of root's. */
function modeOf(file: string): number {
  try {
    return statSync(file).mode;
  } catch {
    return 0;
  }
}

/** Loads the modules that workers load. */
export async function checkEngine({ server }: Settings): Promise<Finding> {
  const { selectEngine } = await import('../../server/engine.js');
  const defects: string[] = [];
  try {
    const engine = await selectEngine(server.engine, (defect) => defects.push(defect));
    if (defects.length === 0) return ok('engine', engine.name);
    return warning('engine', defects.join('; '), 'set server.engine to auto');
  } catch (error) {
    return failed('engine', errorMessage(error), 'set server.engine to auto');
  }
}

/** @param running the daemon of the data directory, or null. */
export async function checkPort(
  { server: { host, port } }: Settings,
  running: Processes | null,
): Promise<Finding> {
  if (running?.port === port) return ok('port', `${host}:${port}, the running gateway's`);
  if (port === 0) return ok('port', 'a free one is taken');
  const { claimPort } = await import('../../daemon/workers/listen-port.js');
  try {
    await claimPort(host, port);
    const own = running ? `; the running gateway uses ${running.port}` : '';
    return ok('port', `${host}:${port} is free${own}`);
  } catch (error) {
    return failed('port', errorMessage(error), 'stop what uses it, or choose another: --port');
  }
}

/** The limit of the running daemon, else of one started from here. */
export function checkFileLimit(running: Processes | null): Finding {
  const pid = running?.control.pid ?? 'self';
  let limits: string;
  try {
    limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
  } catch {
    return ok('open files', 'cannot be seen on this system');
  }
  // Node itself raises the soft limit to the hard one.
  const [, text = ''] = /^Max open files\s+\S+\s+(\S+)/m.exec(limits) ?? [];
  const limit = text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text);
  const whose = running ? 'of the running gateway' : 'from this shell';
  const detail = `at most ${text} ${whose}`;
  const todo = 'raise it: LimitNOFILE=1048576 in the unit, or ulimit -n in the shell';
  if (limit < tooFewFiles) return failed('open files', detail, todo);
  return limit < fewFiles ? warning('open files', detail, todo) : ok('open files', detail);
}

/** Checks the permissions and free space of the data directory. */
export function checkDataDir({ data_dir: dataDir }: Settings): Finding {
  const check = 'data directory';
  const status = statSync(dataDir, { throwIfNoEntry: false });
  if (!status) return ok(check, `${dataDir} is made at the first start`);
  if (!status.isDirectory()) {
    return failed(check, `${dataDir} is no directory`, 'choose another: LLMPROXY_DATA_DIR');
  }
  const uid = process.getuid?.() ?? status.uid;
  if (uid !== 0 && uid !== status.uid) {
    const todo = 'run this as the user of the daemon, or as root';
    return failed(check, `${dataDir} is another user's (uid ${status.uid})`, todo);
  }
  if (status.mode & 0o022) {
    const mode = (status.mode & 0o777).toString(8);
    return failed(check, `others may write to ${dataDir} (mode ${mode})`, `chmod go-w ${dataDir}`);
  }
  for (const name of ['admin-key', 'secret-key']) {
    const file = join(dataDir, name);
    const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0;
    if (mode & 0o077) return failed(check, `others may read ${file}`, `chmod 600 ${file}`);
  }
  const { bavail, bsize } = statfsSync(dataDir);
  const free = bavail * bsize;
  const detail = `${dataDir}, ${(free / 1e9).toFixed(1)} GB free`;
  const todo = 'make room: usage waits here while the database is away';
  if (free < tooLittleSpaceBytes) return failed(check, detail, todo);
  return free < littleSpaceBytes ? warning(check, detail, todo) : ok(check, detail);
}

/**
 * Wrong admin keys are only slowed down, so that nobody can lock out the holder of the right one.
 */
export function checkAdminKeys({ admin }: Pick<Settings, 'admin'>): Finding {
  const check = 'admin keys';
  const all = [{ name: 'admin', key: admin.key }, ...admin.keys];
  const short = all.filter(({ key }) => key && key.length < minKeyLength).map(({ name }) => name);
  if (short.length === 0) return ok(check, 'none is short');
  const detail = `fewer than ${minKeyLength} characters, which can be guessed: ${short.join(', ')}`;
  return warning(check, detail, 'use random ones: openssl rand -base64 24');
}

/** Without it, hyper-express loses connections when one of several workers is replaced. */
export function checkSysctl(
  file = '/proc/sys/net/ipv4/tcp_migrate_req',
  workers: number | 'auto' = 'auto',
): Finding {
  const check = 'tcp_migrate_req';
  let value: string;
  try {
    value = readFileSync(file, 'utf8').trim();
  } catch {
    return ok(check, 'this system does not have it');
  }
  if (value === '1' || workers === 1) return ok(check, value === '1' ? 'on' : 'off, not needed');
  const detail = 'off: connections can be lost when a worker is replaced';
  return warning(
    check,
    detail,
    'sudo sysctl -w net.ipv4.tcp_migrate_req=1, and see docs/deployment.md',
  );
}
