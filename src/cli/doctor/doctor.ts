import { Command } from 'commander';
import {
  type DoctorReport,
  type Finding,
  failed,
  ok,
  warning,
} from '../../admin/health/finding.js';
import { systemDataDir } from '../../config/settings/path-owner.js';
import type { DescribedSetting, Settings, SettingsFlags } from '../../config/settings/settings.js';
import { buildOnDisk } from '../../daemon/build.js';
import type { Processes } from '../../daemon/workers/processes-file.js';
import { counted } from '../../observe/counted.js';
import { packageVersion } from '../../package.js';
import { settingsOfDaemon } from '../daemon/ask-daemon.js';
import { addServeOptions } from '../daemon/serve.js';
import { resolveForUse } from '../daemon/settings.js';
import { isClosed } from '../database/embedded-database.js';
import { errorMessage } from '../failure.js';
import { outputWidth, paint, print, printJson, wrapped } from '../output.js';
import { withProgress } from '../progress.js';

/** `llmproxy doctor`: checks everything that the gateway depends on. */
export function doctorCommand(): Command {
  return addServeOptions(
    new Command('doctor').description('check this machine, the database and the providers'),
  )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Changes nothing. Judges the running gateway with the settings that it was
started with; without one, what llmproxy serve would do with the same flags.
Each line is ok, warn or fail, with advice. Exits with 1 if a check fails.

Examples:
  $ llmproxy doctor
  $ llmproxy doctor --port 8080 --db-url postgres://llmproxy@db.local/llmproxy
  $ llmproxy doctor --json | jq '.checks[] | select(.state != "ok")'`,
    )
    .action(run);
}

type DoctorFlags = SettingsFlags & { json?: boolean };

async function run(flags: DoctorFlags): Promise<void> {
  const findings: Finding[] = [];
  const tell = (found: Finding) => {
    findings.push(found);
    if (!flags.json) for (const line of findingLines(found)) print(line);
  };
  const settings = await readSettings(flags, tell);
  if (settings) await checkAll(flags, settings, tell);
  const worst = findings.some(({ state }) => state === 'fail');
  const report: DoctorReport = { ok: !worst, checks: findings };
  if (flags.json) printJson(report);
  else print(`\n${summary(findings)}`);
  if (worst) process.exitCode = 1;
}

async function readSettings(
  { json, ...flags }: DoctorFlags,
  tell: (found: Finding) => void,
): Promise<Settings | null> {
  try {
    const resolved = await resolveForUse(flags, json);
    const { describeSettings } = await import('../../config/settings/settings.js');
    const { checkSettingsFile } = await import('./doctor-machine.js');
    tell(checkSettingsFile(resolved.file, describeSettings(resolved)));
    return resolved.settings;
  } catch (error) {
    tell(failed('settings', errorMessage(error), 'fix it: the gateway would not start'));
    return null;
  }
}

async function checkAll(
  flags: DoctorFlags,
  own: Settings,
  tell: (found: Finding) => void,
): Promise<void> {
  const [machine, collector, limits, database, { checkProviders, grouped }, processes] =
    await Promise.all([
      import('./doctor-machine.js'),
      import('./doctor-collector.js'),
      import('./doctor-limit-store.js'),
      import('./doctor-database.js'),
      import('./doctor-providers.js'),
      import('../../daemon/workers/processes-file.js'),
    ]);
  const left = processes.readProcesses(own.data_dir);
  const running = left && processes.isSame(left.control) ? left : null;
  const used = running ? await settingsOfDaemon(own) : null;
  const settings = used ? asUsed(own, used, flags) : own;
  const closed = running ? undefined : [own.data_dir, systemDataDir].find(isClosed);
  tell(closed ? unseen(closed) : checkDaemon(running));
  tell(machine.checkNode());
  tell(await machine.checkEngine(settings));
  tell(await machine.checkPort(settings, running));
  tell(machine.checkFileLimit(running));
  tell(machine.checkDataDir(settings));
  tell(machine.checkAdminKeys(settings));
  if (settings.server.engine === 'hyper-express') {
    tell(machine.checkSysctl(undefined, settings.server.workers));
  }
  for (const found of await collector.checkCollectors(settings)) tell(found);
  const limitStore = await limits.checkLimitStore(settings);
  if (limitStore) tell(limitStore);
  const { findings, stored } = await database.checkDatabase(flags, settings, running);
  findings.forEach(tell);
  if (!stored) return;
  const { providers } = stored.configuration;
  const asked = await withProgress('asking the providers', flags.json, () =>
    checkProviders(providers, settings),
  );
  (flags.json ? asked : grouped(asked)).forEach(tell);
}

/** The running daemon's settings, unless flags override them; secrets are this command's own. */
function asUsed(own: Settings, used: readonly DescribedSetting[], flags: DoctorFlags): Settings {
  const valueIn = (name: string) => used.find((setting) => setting.name === name)?.value;
  const server = { ...own.server };
  for (const name of ['host', 'port', 'engine', 'workers'] as const) {
    const value = valueIn(`server.${name}`);
    if (value !== undefined && flags[name] === undefined) Object.assign(server, { [name]: value });
  }
  const urlIn = (name: string) => (valueIn(name) ?? null) as string | null;
  return {
    ...own,
    server,
    traces: { ...own.traces, endpoint: urlIn('traces.endpoint') },
    metrics: { ...own.metrics, otlp: urlIn('metrics.otlp') },
    log: { ...own.log, otlp: urlIn('log.otlp') },
  };
}

function unseen(dataDir: string): Finding {
  const detail = `cannot be seen: ${dataDir} is closed to you`;
  return warning('gateway', detail, 'run this with sudo, or as the user of the gateway');
}

function checkDaemon(running: Processes | null): Finding {
  const version = packageVersion;
  if (!running) return ok('gateway', `does not run here (llmproxy ${version} is installed)`);
  const detail = `llmproxy ${running.version} runs (pid ${running.control.pid})`;
  if (running.version !== version) {
    return warning('gateway', `${detail}, ${version} is installed`, 'llmproxy upgrade');
  }
  if (running.build === buildOnDisk()) return ok('gateway', detail);
  const other = `${detail}, another build of ${version} is installed`;
  return warning('gateway', other, 'llmproxy upgrade');
}

const indent = 4 + 2 + 17;

/** Wraps for the terminal; longer words stay whole. */
function findingLines({ check, state, detail, todo }: Finding): string[] {
  const width = Math.max(outputWidth(), 2 * indent);
  const style = state === 'ok' ? 'green' : state === 'warn' ? 'yellow' : 'red';
  const [first = '', ...more] = wrapped(detail, width - indent);
  const rest = [...more, ...(todo === null ? [] : wrapped(`→ ${todo}`, width - indent))];
  const head = `${paint(style, state.padEnd(4))}  ${check.padEnd(15)}  `;
  return [`${head}${first}`, ...rest.map((line) => `${' '.repeat(indent)}${line}`)];
}

function summary(findings: readonly Finding[]): string {
  const count = (state: Finding['state']) => findings.filter((each) => each.state === state).length;
  const [fails, warns] = [count('fail'), count('warn')];
  const warnings = warns > 0 ? counted(warns, 'warning') : '';
  if (fails > 0) {
    return paint('red', [`${fails} failed`, warnings].filter(Boolean).join(', '));
  }
  return warnings ? paint('yellow', `works, with ${warnings}`) : paint('green', 'all is well');
}
