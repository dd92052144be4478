import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { stringify } from 'yaml';
import { freePort } from '../support/free-port.js';
import { testDirectory } from '../support/postgres.js';
import { until } from '../support/until.js';
import { prometheusFolder } from './shipped-files.js';

/** A sample of the answer to an instant query. */
export interface QueryResult {
  metric: Record<string, string>;
  value: [number, string];
}

export interface Prometheus {
  /** @throws Error with Prometheus' own message when the query cannot be evaluated. */
  query(expr: string): Promise<QueryResult[]>;
  /** Every rule that is loaded, with how its last evaluation went. */
  rules(): Promise<{ name: string; type: string; health: string; lastError?: string }[]>;
}

/** Runs Prometheus with the shipped configuration, made to look every second. */
export async function startPrometheus(t: TestContext, target: string): Promise<Prometheus> {
  const folder = testDirectory();
  cpSync(prometheusFolder, folder, { recursive: true });
  const config = `${folder}/prometheus.yml`;
  writeFileSync(config, readFileSync(config, 'utf8').replace(/_interval: 15s/g, '_interval: 1s'));
  writeFileSync(`${folder}/targets/llmproxy.yml`, stringify([{ targets: [target] }]));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=${address}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  t.after(() => end(child));
  await until('Prometheus to be ready', async () => {
    return (await fetch(`http://${address}/-/ready`)).ok;
  });
  const api = async (path: string) => {
    const answer = await fetch(`http://${address}/api/v1/${path}`);
    const { status, error, data } = (await answer.json()) as {
      status: string;
      error?: string;
      data: never;
    };
    if (status !== 'success') throw new Error(error);
    return data;
  };
  return {
    async query(expr) {
      const data: { result: QueryResult[] } = await api(`query?query=${encodeURIComponent(expr)}`);
      return data.result;
    },
    async rules() {
      const data: { groups: { rules: never[] }[] } = await api('rules');
      return data.groups.flatMap(({ rules }) => rules);
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
