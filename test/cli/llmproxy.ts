import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { testDatabase } from '../support/postgres.js';

/** The result of a run of the CLI. */
export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  env?: Record<string, string>;
  /** The content of standard input; empty by default. */
  stdin?: string;
  cwd?: string;
}

export type Run = (args: string[], options?: RunOptions) => Promise<Outcome>;

export const executable = fileURLToPath(new URL('../../../bin/llmproxy.js', import.meta.url));

/** Runs the built CLI in its own process, with only PATH from this environment. */
export function llmproxy(args: string[], options: RunOptions = {}): Promise<Outcome> {
  const { env = {}, stdin = '', cwd = tmpdir() } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [executable, ...args], {
      cwd,
      env: { PATH: process.env.PATH, ...env },
    });
    const outcome = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        outcome[name] += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...outcome }));
    // A command that does not read its input may end before all is written.
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
  });
}

/** An empty folder that PostgreSQL's user can also enter, deleted after the test. */
export function temporaryFolder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'llmproxy-cli-'));
  chmodSync(path, 0o755);
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export interface OwnDatabase {
  run: Run;
  dbUrl: string;
  dataDir: string;
}

/** Runs the CLI on its own empty, migrated database and an empty data directory. */
export async function withOwnDatabase(t: TestContext): Promise<OwnDatabase> {
  const { dbUrl } = await testDatabase(t);
  const dataDir = temporaryFolder(t);
  const env = { DB_URL: dbUrl, LLMPROXY_DATA_DIR: dataDir };
  return {
    dbUrl,
    dataDir,
    run: (args, options = {}) =>
      llmproxy(args, { cwd: dataDir, ...options, env: { ...env, ...options.env } }),
  };
}

/** The JSON printed by a command, which must succeed. */
export async function json(outcome: Promise<Outcome>) {
  const { code, stdout, stderr } = await outcome;
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

/** Asserts a usage error: exit code 2, nothing on stdout, this on stderr and nothing secret. */
export async function usage(args: string[], stderr: RegExp): Promise<void> {
  const outcome = await llmproxy(args, { env: { DB_URL: 'postgres://127.0.0.1:1/unreachable' } });
  assert.match(outcome.stderr, stderr);
  assert.equal(outcome.stdout, '');
  assert.equal(outcome.code, 2);
  assert.doesNotMatch(outcome.stderr, /secret(?!s)/);
}
