import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Answered, ask, askChat, bearer } from '../../support/ask.js';
import { type Daemon, type DaemonOptions, startDaemon } from '../../support/daemon.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { until } from '../../support/until.js';
import { startUpstream } from '../../support/upstream.js';

export interface TestFleet {
  database: TestDatabase;
  daemons: Daemon[];
}

/** Daemons with two workers each on one database, with one provider that answers after a while. */
export async function startFleet(
  t: TestContext,
  each: readonly DaemonOptions[],
  answerMs = 5,
  database?: TestDatabase,
): Promise<TestFleet> {
  database ??= await testDatabase(t);
  const upstream = await startUpstream(t, (_, response) => {
    setTimeout(() => {
      response.setHeader('content-type', 'application/json');
      response.end(answer);
    }, answerMs);
  });
  const daemons: Daemon[] = [];
  for (const options of each) {
    daemons.push(await startDaemon(t, { workers: 2, database, ...options }));
  }
  await daemons[0]?.addProvider('main', { api_base: upstream.url });
  const { sql } = database;
  await until('a fleet', async () => {
    const rows = await sql`SELECT FROM daemons WHERE shares_limits`;
    return rows.length === each.length || each.length === 1;
  });
  return { database, daemons };
}

/** The answer of a daemon to an administrator. */
export async function getFrom(daemon: Daemon, path: string): Promise<Answered> {
  const answer = await ask(`${daemon.url}${path}`, { headers: bearer(daemon.adminKey) });
  assert.equal(answer.status, 200, answer.text);
  return answer;
}

const usage = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 };
const message = { role: 'assistant', content: 'hello' };
const answer = JSON.stringify({
  ...{ id: 'x', object: 'chat.completion', usage },
  choices: [{ index: 0, finish_reason: 'stop', message }],
});

export interface Flood {
  /** Start of each served request: milliseconds of `performance.now`. */
  readonly served: number[];
  readonly refused: number[];
  /** Statuses besides 200 and 429; 0 for a broken connection. */
  readonly others: number[];
  stop(): Promise<void>;
}

/** Sends requests to a daemon, `concurrency` at once, until it is stopped. */
export function flood({ url }: Daemon, key: string, concurrency = 4, pauseMs = 5): Flood {
  const [served, refused, others]: [number[], number[], number[]] = [[], [], []];
  let isOver = false;
  const send = async () => {
    while (!isOver) {
      const atMs = performance.now();
      const { status } = await askChat(url, key, 'm', { max_tokens: 10 }).catch(() => ({
        status: 0,
      }));
      if (status === 200) served.push(atMs);
      else if (status === 429) refused.push(atMs);
      else others.push(status);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const running = Promise.all(Array.from({ length: concurrency }, send));
  return {
    ...{ served, refused, others },
    async stop() {
      isOver = true;
      await running;
    },
  };
}

/** Number of requests served in a span of time, over all floods. */
export function servedIn(floods: readonly Flood[], fromMs: number, untilMs: number): number {
  const all = floods.flatMap(({ served }) => served);
  return all.filter((ms) => ms >= fromMs && ms < untilMs).length;
}

/**
 * The part of a limit that was used from the first refusal of a span to the last: in between, there was more
 * demand than it lets pass. A pause of the machine loses nothing, as long as the bucket is not full.
 */
export function usedPart(
  floods: readonly Flood[],
  perSecond: number,
  fromMs: number,
  untilMs: number,
): number {
  const refused = floods.flatMap((each) => each.refused);
  const times = refused.filter((ms) => ms >= fromMs && ms < untilMs);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  return (servedIn(floods, first, last) * 1_000) / (perSecond * (last - first));
}
