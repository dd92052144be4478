import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startMockProvider } from '../../../src/mock-provider/server.js';
import { startPrometheus } from '../../monitoring/prometheus-process.js';
import { panelQueries } from '../../monitoring/shipped-files.js';
import { askChat } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { skipWithout } from '../../support/executable.js';
import { until } from '../../support/until.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

/** Queries of the dashboard of the Python service, which its users keep. */
const earlierQueries = [
  'rate(llm_proxy_requests_total[5m])',
  'histogram_quantile(0.95, rate(llm_proxy_request_duration_seconds_bucket[5m]))',
  'histogram_quantile(0.99, rate(llm_proxy_request_duration_seconds_bucket[5m]))',
  'rate(llm_proxy_tokens_total{token_type="total"}[5m])',
  'sum by (model, token_type) (increase(llm_proxy_tokens_total[5m]))',
  'sum by (provider) (increase(llm_proxy_requests_total[1h]))',
  'sum by (status_code) (increase(llm_proxy_requests_total[1h]))',
  'llm_proxy_active_requests',
];

test('a real Prometheus finds data for every panel and rule', {
  skip: skipWithout('prometheus'),
}, async (t) => {
  const daemon = await startDaemon(t, { workers: 2 });
  const prometheus = await startPrometheus(t, new URL(daemon.url).host);
  const counts = await startTraffic(t, daemon);
  const dataOf = (what: string, expr: string) =>
    until(
      `data of ${what}: ${expr}`,
      async () => {
        const result = await prometheus.query(expr);
        return result.some(({ value }) => value[1] !== 'NaN') && result;
      },
      30_000,
    );

  await t.test('of the shipped dashboards', async () => {
    const queries = panelQueries();
    assert.ok(queries.length > 30);
    for (const { panel, expr } of queries) await dataOf(panel, withoutVariables(expr));
  });

  await t.test('of a dashboard made for the Python service', async () => {
    for (const expr of earlierQueries) await dataOf('an earlier dashboard', expr);
  });

  await t.test('of the recording rules, and evaluates the alerts', async () => {
    const rules = await until('all rules to be evaluated', async () => {
      const loaded = await prometheus.rules();
      return loaded.every(({ health }) => health !== 'unknown') && loaded;
    });
    assert.ok(rules.length > 20);
    for (const { name, type, health, lastError } of rules) {
      assert.equal(health, 'ok', `${name}: ${lastError}`);
      if (type === 'recording') await dataOf('a rule', name);
    }
  });

  await t.test('and shows traffic in proportion to the weights', async () => {
    await counts.stop();
    const total = async (provider: string) => {
      const [sample] = await prometheus.query(
        `sum(llm_proxy_requests_total{model="spread", provider="${provider}"})`,
      );
      return Number(sample?.value[1] ?? 0);
    };
    await until(
      'the last scrape',
      async () => (await total('a')) + (await total('b')) === counts.spread,
    );
    const [a, b] = [await total('a'), await total('b')];
    t.diagnostic(`${a} to provider a of weight 3, ${b} to provider b of weight 1`);
    assert.ok(Math.abs(a - 3 * b) <= 8, `${a} and ${b}`);
  });
});

interface Traffic {
  /** Requests for the model that two providers share. */
  spread: number;
  stop(): Promise<void>;
}

/** Sends traffic for every panel until it is stopped: answers, streams, failures, refusals. */
async function startTraffic(t: TestContext, daemon: Daemon): Promise<Traffic> {
  const behaviour = { chunks: 5, chunkIntervalMs: 2 };
  const a = await startMockProvider({ ...behaviour, name: 'a' });
  const b = await startMockProvider({ ...behaviour, name: 'b' });
  t.after(() => Promise.all([a.close(), b.close()]));
  const silent = await startUpstream(t, answerChat);
  const spread = { spread: 'spread' };
  await daemon.addProvider('a', { api_base: a.url, weight: 3, model_mapping: spread });
  await daemon.addProvider('b', { api_base: b.url, weight: 1, model_mapping: spread });
  // Reports no usage, so its tokens are counted by the gateway.
  await daemon.addProvider('silent', {
    api_base: silent.url,
    model_mapping: { estimated: 'estimated', retried: 'retried' },
  });
  await daemon.addProvider('broken', {
    api_base: 'http://127.0.0.1:1/v1',
    weight: 1_000,
    model_mapping: { retried: 'retried' },
  });
  const key = await daemon.addKey('user');
  const blocked = await daemon.addKey('blocked', { rate_limit: 0 });
  await daemon.reload();

  const traffic = { spread: 0, stopped: false };
  const send = async () => {
    while (!traffic.stopped) {
      traffic.spread += 4;
      await Promise.all([
        ...[false, true, false, true].map((stream) =>
          askChat(daemon.url, key, 'spread', { stream }),
        ),
        askChat(daemon.url, key, 'estimated'),
        askChat(daemon.url, key, 'retried'),
        askChat(daemon.url, key, 'invented'),
        askChat(daemon.url, blocked, 'spread'),
      ]);
      await pause(20);
    }
  };
  const sending = send();
  return {
    get spread() {
      return traffic.spread;
    },
    stop() {
      traffic.stopped = true;
      return sending;
    },
  };
}

function withoutVariables(expr: string): string {
  return expr
    .replaceAll('$__rate_interval', '5m')
    .replaceAll('$__range', '5m')
    .replaceAll('$instance', '.*');
}
