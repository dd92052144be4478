import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Override } from '../../src/config/overrides.js';
import { redirectedSecrets } from '../../src/config/redirected.js';
import { eachNamed } from '../../src/config/rows/named.js';
import { configuration, provider } from './configuration-for-test.js';

function file(fields: object, source = 'a.yaml'): Override {
  return {
    source,
    providers: new Map([['main', fields]]),
    teams: new Map(),
    named: eachNamed(() => new Map()),
    credentials: new Map(),
  };
}

const before = configuration([provider('main')]);
const moved = configuration([provider('main', { api_base: 'https://evil.example.com/v1' })]);

test('a row cannot send the secret of an override file to another origin', () => {
  const found = (overrides: Override[], after = moved, from = before) =>
    redirectedSecrets(from, after, overrides).map(({ source, path }) => `${source} ${path}`);
  const key = file({ api_key: 'env:A' });
  assert.deepEqual(found([key]), ['a.yaml providers.main.api_key']);
  assert.deepEqual(found([file({ provider_params: { headers: { a: 'b' } } })]), [
    'a.yaml providers.main.api_key',
  ]);
  assert.deepEqual(found([key], moved, configuration()), ['a.yaml providers.main.api_key']);
  assert.deepEqual(found([file({ weight: 2, provider_params: { priority: 1 } })]), []);
  const base = { api_base: 'http://127.0.0.1/v1' };
  assert.deepEqual(found([file({ api_key: 'env:A', ...base })]), []);
  assert.deepEqual(found([key, file(base, 'b.yaml')]), []);
  assert.deepEqual(found([file(base, '0.yaml'), key]), []);
  const http = { api_base: 'http://127.0.0.1/v1' };
  const proxied = (proxy?: string, fields: object = http) =>
    configuration([provider('main', { ...fields, provider_params: proxy ? { proxy } : {} })]);
  const evil = 'http://evil.example.com:3128';
  const all = ['a.yaml providers.main.api_key'];
  assert.deepEqual(found([key], proxied(evil), proxied()), all);
  assert.deepEqual(found([key], proxied(evil), proxied('none')), all);
  assert.deepEqual(found([key], proxied('none'), proxied()), []);
  const whole = file({ api_key: 'env:A', ...base });
  assert.deepEqual(found([whole], proxied(evil), proxied()), all);
  assert.deepEqual(found([whole], proxied(evil), configuration()), all);
  assert.deepEqual(found([whole], proxied(), configuration()), []);
  const own = file({ api_key: 'env:A', ...base, provider_params: { proxy: 'http://own:1' } });
  assert.deepEqual(found([own], proxied(evil), proxied()), []);
  const tls = { api_base: 'https://api.example.com/v1' };
  assert.deepEqual(found([key], proxied(evil, tls), proxied(undefined, tls)), []);
  const path = provider('main', { api_base: 'https://api.example.com/v2' });
  assert.deepEqual(found([key], configuration([path])), []);
  assert.deepEqual(found([key], configuration()), []);
});
