import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { presetOperations, presets } from '../../../src/providers/presets.js';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { json, withOwnDatabase } from '../llmproxy.js';

/** The flags of a provider of each kind at a mock provider, without its address. */
const kinds: Readonly<Record<string, { base: string; flags: string[]; model: string }>> = {
  anthropic: { base: '/v1', flags: [], model: 'claude-x' },
  gemini: { base: '/v1beta', flags: [], model: 'gemini-x' },
  'vertex for Gemini': { base: '/v1', flags: ['--param', 'project=p'], model: 'gemini-x' },
  'vertex for Claude': { base: '/v1', flags: ['--param', 'project=p'], model: 'claude-x@1' },
  bedrock: { base: '', flags: ['--param', 'region=eu-west-1'], model: 'amazon.nova-x' },
  'bedrock for Claude': { base: '', flags: [], model: 'anthropic.claude-x' },
};

for (const [name, { base, flags, model }] of Object.entries(kinds)) {
  test(`provider test asks ${name} for a whole answer and a stream`, async (t) => {
    const { run, url } = await mocked(t);
    const [type = ''] = name.split(' ');
    const given = ['--type', type, '--api-base', url + base, '--api-key', 'AKIDEXAMPLE:secret'];
    const added = await run(['provider', 'add', 'p', ...given, ...flags]);
    assert.equal(added.code, 0, added.stderr);
    const tried = await json(run(['provider', 'test', 'p', '--model', model, '--json']));
    assert.deepEqual(
      tried.requests.map(({ request, status, error }: Record<string, unknown>) => [
        ...[request, status, error],
      ]),
      [
        ['whole', 200, null],
        ['stream', 200, null],
      ],
    );
    assert.ok(tried.requests[0].tokens.completion > 0);
  });
}

test('a type has its address by itself; a region and a location are part of it', async (t) => {
  const { run } = await withOwnDatabase(t);
  const bases: readonly [name: string, flags: string[], base: string][] = [
    ['a', ['--type', 'openai'], 'https://api.openai.com/v1'],
    ['b', ['--type', 'bedrock'], 'https://bedrock-runtime.us-east-1.amazonaws.com'],
    [
      'c',
      ['--type', 'bedrock', '--param', 'region=eu-west-1'],
      'https://bedrock-runtime.eu-west-1.amazonaws.com',
    ],
    [
      'd',
      ['--type', 'vertex', '--param', 'location=global'],
      'https://aiplatform.googleapis.com/v1',
    ],
  ];
  for (const [name, flags, base] of bases) {
    const added = await json(run(['provider', 'add', name, ...flags, '--api-key', 'k', '--json']));
    assert.equal(added.api_base, base);
  }
  const none = await run(['provider', 'add', 'e', '--api-key', 'k']);
  assert.match(none.stderr, /--api-base is missing/);
});

test('every preset fills in its address and its APIs, which can be overridden', async (t) => {
  const { run } = await withOwnDatabase(t);
  for (const name of ['perplexity', 'groq']) {
    const added = await json(
      run(['provider', 'add', name, '--type', name, '--api-key', 'k', '--json']),
    );
    assert.deepEqual([added.api_base, added.provider_type], [presets[name], 'openai']);
    assert.equal(added.provider_params.operations.length, presetOperations[name]?.length);
  }
  assert.deepEqual(Object.keys(presetOperations), Object.keys(presets));
  const other = ['--param', 'operations=["chat"]', '--api-base', 'http://127.0.0.1:9/v1'];
  const own = await json(
    run(['provider', 'add', 'own', '--type', 'vllm', '--api-key', 'k', ...other, '--json']),
  );
  assert.deepEqual(
    [own.api_base, own.provider_params.operations.length],
    ['http://127.0.0.1:9/v1', 1],
  );
});

test('a provider with the identity of the machine needs no key', async (t) => {
  const { run } = await withOwnDatabase(t);
  const flags = ['--type', 'bedrock', '--param', 'auth.method=imds', '--json'];
  const added = await json(run(['provider', 'add', 'p', ...flags]));
  assert.equal(added.provider_params.auth.method.length > 0, true);
  const secret = ['--type', 'azure', '--api-base', 'https://x.openai.azure.com'];
  const refused = await run([
    ...['provider', 'add', 'q', ...secret, '--param', 'auth.method=client_secret'],
  ]);
  assert.match(refused.stderr, /the API key is missing/);
});

test('a method of another cloud is refused by name', async (t) => {
  const { run } = await withOwnDatabase(t);
  const given = ['provider', 'add', 'p', '--type', 'bedrock', '--api-key', 'none'];
  const refused = await run([...given, '--param', 'auth.method=managed_identity']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /"managed_identity" is not a method of a provider of type bedrock/);
});

async function mocked(t: TestContext) {
  const { run } = await withOwnDatabase(t);
  const { mock } = await mockForTest(t);
  return { run, url: mock.url.replace(/\/v1$/, '') };
}
