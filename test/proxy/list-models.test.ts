import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listModels, showModel } from '../../src/proxy/list-models.js';
import { buildSnapshot, type RoutedCredential } from '../../src/routing/snapshot.js';
import { configuration, credential, provider } from '../config/configuration-for-test.js';

const snapshot = buildSnapshot(
  configuration(
    [
      provider('a', { model_mapping: { 'gpt-4': 'x', 'claude-*': 'claude-*' } }),
      provider('b', { model_mapping: { 'gpt-4': 'y', 'gpt-3': 'z' } }),
      provider('off', { model_mapping: { never: 'x' }, is_enabled: false }),
    ],
    [credential('all'), credential('some', { allowed_models: ['gpt-4', 'claude-*'] })],
  ),
  'hash',
);
const openSnapshot = buildSnapshot(configuration([provider('p')], []), 'hash');
const [all, some] = [...snapshot.credentials.values()] as [RoutedCredential, RoutedCredential];
const facts = {
  version: '',
  tag: '',
  startedAt: 0,
  configVersion: 1,
  database: 'up',
  discovered: [],
  fleet: { size: 1, rank: 1, cutOff: 0, gone: 0, behind: 0, versions: 1 },
} as const;

const openai = { path: '/v1/models', query: 'limit=1', header: () => '' };
const anthropic = (query = '') => ({
  path: '/v1/models',
  query,
  header: (name: string) => (name === 'anthropic-version' ? '2023-06-01' : ''),
});

test('the list holds the models that are named and that this key may use, each once', () => {
  const idsFor = (key: RoutedCredential) =>
    JSON.parse(listModels({ snapshot, facts }, key, openai)).data.map(
      ({ id }: { id: string }) => id,
    );
  assert.deepEqual(idsFor(all), ['gpt-3', 'gpt-4']);
  assert.deepEqual(idsFor(some), ['gpt-4']);
});

test('a model is described with those who serve it', () => {
  const { object, data } = JSON.parse(listModels({ snapshot, facts }, some, openai));
  assert.equal(object, 'list');
  assert.deepEqual(data[0], { id: 'gpt-4', object: 'model', created: 0, owned_by: 'a, b' });
  assert.equal(JSON.parse(showModel({ snapshot, facts }, some, openai, 'claude-9')).owned_by, 'a');
});

test('a model that is not served and one that is not allowed cannot be told apart', () => {
  for (const [key, model] of [
    [all, 'never'],
    [some, 'gpt-3'],
    [all, '__proto__'],
  ] as const) {
    assert.throws(() => showModel({ snapshot, facts }, key, openai, model), {
      code: 'model_not_found',
      message: `The model "${model}" does not exist here.`,
    });
  }
});

test('a list in Anthropic’s shape has pages, forwards and back', () => {
  const names = Array.from({ length: 25 }, (_, i) => `m-${String(i).padStart(2, '0')}`);
  const many = { snapshot: openSnapshot, facts: { ...facts, discovered: names } };
  const page = (query: string) => {
    const { data, ...rest } = JSON.parse(listModels(many, all, anthropic(query)));
    assert.deepEqual([data[0]?.id ?? null, data.at(-1)?.id ?? null], [rest.first_id, rest.last_id]);
    return [data.length, rest.first_id, rest.last_id, rest.has_more];
  };
  assert.deepEqual(page(''), [20, 'm-00', 'm-19', true]);
  assert.deepEqual(page('limit=1000'), [25, 'm-00', 'm-24', false]);
  assert.deepEqual(page('limit=1'), [1, 'm-00', 'm-00', true]);
  assert.deepEqual(page('after_id=m-19'), [5, 'm-20', 'm-24', false]);
  assert.deepEqual(page('after_id=m-19&limit=5'), [5, 'm-20', 'm-24', false]);
  assert.deepEqual(page('after_id=m-19&limit=4'), [4, 'm-20', 'm-23', true]);
  assert.deepEqual(page('after_id=m-24'), [0, null, null, false]);
  assert.deepEqual(page('before_id=m-05&limit=2'), [2, 'm-03', 'm-04', true]);
  assert.deepEqual(page('before_id=m-02&limit=2'), [2, 'm-00', 'm-01', false]);
  assert.deepEqual(page('before_id=m-01&limit=2'), [1, 'm-00', 'm-00', false]);
  for (const [query, param] of [
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=x', 'limit'],
    ['after_id=never', 'after_id'],
    ['before_id=never', 'before_id'],
    ['before_id=m-01&after_id=m-00', 'before_id'],
  ]) {
    assert.throws(() => listModels(many, all, anthropic(query)), {
      code: 'invalid_request',
      param,
    });
  }
  assert.deepEqual(JSON.parse(showModel({ snapshot, facts }, all, anthropic(), 'gpt-4')), {
    type: 'model',
    id: 'gpt-4',
    display_name: 'gpt-4',
    created_at: '1970-01-01T00:00:00Z',
  });
});

test('lists below /v1beta always have Gemini’s shape', () => {
  const gemini = { ...anthropic(), path: '/v1beta/models' };
  const described = (id: string) => ({
    name: `models/${id}`,
    displayName: id,
    supportedGenerationMethods: ['generateContent', 'countTokens'],
  });
  const { models } = JSON.parse(listModels({ snapshot, facts }, all, gemini));
  assert.deepEqual(models, [described('gpt-3'), described('gpt-4')]);
  assert.deepEqual(
    JSON.parse(showModel({ snapshot, facts }, all, gemini, 'gpt-4')),
    described('gpt-4'),
  );
});

test('with a catch-all mapping, the list of models comes from the providers', () => {
  const show = (model: string, discovered: readonly string[]) =>
    showModel({ snapshot: openSnapshot, facts: { ...facts, discovered } }, all, openai, model);
  assert.equal(JSON.parse(show('known', ['known'])).id, 'known');
  assert.throws(() => show('nope', ['known']), { code: 'model_not_found' });
  assert.throws(() => show(' ', []), { code: 'model_not_found' });
  assert.equal(JSON.parse(show('nope', [])).id, 'nope', 'nothing is known of it');
  const discovered = { snapshot, facts: { ...facts, discovered: ['other'] } };
  assert.equal(JSON.parse(showModel(discovered, all, openai, 'claude-9')).id, 'claude-9');
});

test('a list in Gemini’s shape has pages', () => {
  const names = Array.from({ length: 60 }, (_, i) => `m-${String(i).padStart(2, '0')}`);
  const mapping = Object.fromEntries(names.map((name) => [name, 'x']));
  const many = buildSnapshot(configuration([provider('p', { model_mapping: mapping })], []), 'h');
  const list = (query: string) =>
    JSON.parse(
      listModels({ snapshot: many, facts }, all, {
        path: '/v1beta/models',
        query,
        header: () => '',
      }),
    );
  for (const size of ['', '0', '1', '7', '59', '60', '61', '5000']) {
    const found: string[] = [];
    let token: string | undefined;
    let pages = 0;
    do {
      const page = list(`pageSize=${size}${token === undefined ? '' : `&pageToken=${token}`}`);
      assert.ok(page.models.length <= (Number(size) || 50));
      found.push(...page.models.map(({ name }: { name: string }) => name.slice('models/'.length)));
      token = page.nextPageToken;
      pages++;
    } while (token !== undefined);
    assert.deepEqual(found, names);
    assert.equal(pages, Math.ceil(60 / (Number(size) || 50)));
  }
  for (const [query, param] of [
    ['pageSize=-1', 'pageSize'],
    ['pageSize=a', 'pageSize'],
    ['pageToken=%21', 'pageToken'],
  ] as const) {
    assert.throws(() => list(query), { code: 'invalid_request', param });
  }
});
