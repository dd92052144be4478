import { execFile } from 'node:child_process';
import type { DoctorReport } from '../admin/health/finding.js';
import type { ResolvedSettings } from '../config/settings/settings.js';
import { GatewayError } from '../errors.js';

/** All providers are asked, each for a few seconds at most. */
const timeoutMs = 60_000;

/**
 * Examines this machine by the command `llmproxy doctor`, in a process of its own: it reads files and
 * waits for providers. Whoever asks while it runs gets the same report.
 * @param stopping aborted when this daemon begins to stop.
 */
export function createDoctor(
  { settings: { data_dir, database }, file }: ResolvedSettings,
  stopping: AbortSignal,
): () => Promise<DoctorReport> {
  let running: Promise<DoctorReport> | null = null;
  const environment = {
    ...process.env,
    LLMPROXY_DATA_DIR: data_dir,
    ...(database.url === null ? {} : { DB_URL: database.url }),
    ...(file === null ? {} : { LLMPROXY_CONFIG: file }),
  };
  const examine = () =>
    new Promise<DoctorReport>((resolve, reject) => {
      const command = [...process.execArgv, process.argv[1] ?? '', 'doctor', '--json'];
      const options = { env: environment, timeout: timeoutMs, signal: stopping };
      // It exits with 1 where a check fails; the report says so too.
      execFile(process.execPath, command, options, (error, output) => {
        try {
          resolve(JSON.parse(output) as DoctorReport);
        } catch {
          const message = `llmproxy doctor gave no report: ${error?.message.split('\n')[0] ?? output}`;
          reject(new GatewayError('unavailable', message));
        }
      });
    });
  return () => {
    running ??= examine().finally(() => {
      running = null;
    });
    return running;
  };
}
