import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { modelEndpoints, ownEndpoints, socketEndpoints } from '../../src/dialects/endpoints.js';
import { runProgram, skipWithout } from '../support/executable.js';
import { panelQueries, panels, prometheusFiles, prometheusFolder } from './shipped-files.js';

const skip = skipWithout('promtool');

test('promtool accepts the configuration and the rules', { skip }, async () => {
  const config = await runProgram('promtool', [
    'check',
    'config',
    `${prometheusFolder}/prometheus.yml`,
  ]);
  assert.equal(config.code, 0, config.output);
  const rules = await runProgram('promtool', ['check', 'rules', ...prometheusFiles('rules')]);
  assert.equal(rules.code, 0, rules.output);
});

test('the alert rules pass their tests', { skip }, async () => {
  const { code, output } = await runProgram('promtool', [
    'test',
    'rules',
    ...prometheusFiles('tests'),
  ]);
  assert.equal(code, 0, output);
});

test('every alert has a test, and docs/monitoring.md says what to do', () => {
  const tests = prometheusFiles('tests').map((file) => readFileSync(file, 'utf8'));
  const documentation = read('docs/monitoring.md');
  for (const file of prometheusFiles('rules')) {
    for (const group of parse(readFileSync(file, 'utf8')).groups) {
      for (const { alert } of group.rules) {
        if (!alert) continue;
        assert.ok(
          tests.some((text) => text.includes(`alertname: ${alert}\n`)),
          alert,
        );
        assert.ok(documentation.includes(`| \`${alert}\` |`), alert);
      }
    }
  }
});

test('rules and panels select the requests that go to providers, but for counting and sessions', () => {
  const rules = prometheusFiles('rules').map((file) => readFileSync(file, 'utf8'));
  const queries = [...rules, ...panelQueries().map(({ expr }) => expr)].join('\n');
  const selectors = [...queries.matchAll(/endpoint=~"(.+?)", ?endpoint!~"(.+?)"/g)];
  assert.ok(selectors.length >= 15);
  const isSelected = (pattern: string) =>
    selectors.every(([, includes, excludes]) => {
      const matches = (regex = '') => new RegExp(`^(?:${regex})$`).test(pattern);
      return matches(includes) && !matches(excludes);
    });
  for (const { pattern, dialect } of modelEndpoints) {
    assert.equal(isSelected(pattern), dialect.operation !== 'token_count', pattern);
  }
  for (const { pattern } of [...socketEndpoints, ...ownEndpoints]) {
    assert.equal(isSelected(pattern), false, pattern);
  }
});

test('every panel asks the datasource that is provisioned', () => {
  const { datasources } = parse(read('grafana/provisioning/datasources/prometheus.yml'));
  for (const { title, datasource, targets = [] } of panels()) {
    if (targets.length > 0) assert.equal(datasource?.uid, datasources[0].uid, title);
  }
});

test('docker-compose.yml has the gateway under the name that Prometheus scrapes', () => {
  const { services } = parse(read('docker-compose.yml'));
  const [{ targets }] = parse(read('prometheus/compose/llmproxy.yml'));
  assert.deepEqual(targets, ['llm-proxy:18000']);
  assert.deepEqual(services['llm-proxy'].ports, [`\${PORT:-18000}:18000`]);
  for (const [name, { depends_on = {} }] of Object.entries<{ depends_on?: object }>(services)) {
    for (const other of Object.keys(depends_on)) assert.ok(other in services, `${name}: ${other}`);
  }
});

function read(path: string): string {
  return readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');
}
