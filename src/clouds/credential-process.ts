import { spawn } from 'node:child_process';
import { CloudError } from './cloud-error.js';
import type { CloudContext } from './token-request.js';

const maxRunMs = 15_000;
const maxBytes = 65_536;

/** Variables that the command gets: the others may be secrets of the gateway or of its providers. */
const passed = /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|XDG_\w+|AWS_\w+)$/;
const passedProxies = /^(HTTPS?_PROXY|NO_PROXY|SSL_CERT_\w+)$/i;

/**
 * Runs the `credential_process` of a profile, as AWS's tools do, and returns what it prints. Neither
 * the command nor its output is ever part of a message.
 * @throws CloudError
 */
export function runCredentialProcess(
  { env, runsProcesses }: CloudContext,
  command: string,
  profile: string,
  timeoutMs = maxRunMs,
): Promise<string> {
  const what = `the credential_process of the profile "${profile}"`;
  if (!runsProcesses) {
    throw new CloudError(`${what} is not run: set secrets.allow_credential_process to allow it`);
  }
  const passedEnv = Object.entries(env).filter(
    ([name]) => passed.test(name) || passedProxies.test(name),
  );
  return new Promise((resolve, reject) => {
    // In a group of its own, so that all that it starts can be ended.
    const child = spawn('/bin/sh', ['-c', command], {
      env: Object.fromEntries(passedEnv),
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    const pieces: Buffer[] = [];
    let bytes = 0;
    const fail = (reason: string) => {
      clearTimeout(timer);
      endGroup(child.pid);
      reject(new CloudError(`${what} ${reason}`));
    };
    const timer = setTimeout(() => fail(`took longer than ${timeoutMs / 1_000} s`), timeoutMs);
    child.on('error', (error: NodeJS.ErrnoException) => fail(`cannot be run (${error.code})`));
    child.stdout.on('data', (piece: Buffer) => {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > maxBytes) fail(`printed more than ${maxBytes} bytes`);
    });
    child.on('close', (code, signal) => {
      if (code !== 0) return fail(`ended with ${signal ?? code}`);
      clearTimeout(timer);
      resolve(Buffer.concat(pieces).toString());
    });
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}
