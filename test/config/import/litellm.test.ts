import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { withFreeNames, withoutUnusable } from '../../../src/config/import/imported.js';
import { importLitellm } from '../../../src/config/import/litellm.js';
import type { Problem } from '../../../src/config/problem.js';
import { hashKey } from '../../../src/config/secrets/credential-key.js';
import { parseYaml } from '../../../src/config/yaml/parse-yaml.js';

function read(text: string, environment: Record<string, string> = {}) {
  return withoutUnusable(importLitellm(parse(text), environment));
}

test('deployments of one address, key and weight are one provider', () => {
  const { providers, notes } = read(`
model_list:
  - {model_name: gpt-4o, litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_KEY}}
  - {model_name: mini, litellm_params: {model: gpt-4o-mini, api_key: os.environ/OPENAI_KEY}}
  - {model_name: gpt-4o, litellm_params: {model: openai/gpt-4o-2, api_key: os.environ/OPENAI_KEY}}
  - {model_name: llama, litellm_params: {model: hosted_vllm/meta/llama, api_base: "http://gpu1:8000/v1/"}}
  - {model_name: groq/*, litellm_params: {model: groq/*}}
  - {model_name: local, litellm_params: {model: ollama/qwen, api_base: "http://gpu2:11434"}}
`);
  assert.deepEqual(providers, {
    openai: {
      api_base: 'https://api.openai.com/v1',
      api_key: 'env:OPENAI_KEY',
      weight: 1,
      model_mapping: { 'gpt-4o': 'gpt-4o', mini: 'gpt-4o-mini' },
    },
    'gpt-4o': {
      api_base: 'https://api.openai.com/v1',
      api_key: 'env:OPENAI_KEY',
      weight: 1,
      model_mapping: { 'gpt-4o': 'gpt-4o-2' },
    },
    llama: {
      api_base: 'http://gpu1:8000/v1',
      api_key: 'env:HOSTED_VLLM_API_KEY',
      weight: 1,
      model_mapping: { llama: 'meta/llama' },
    },
    groq: {
      api_base: 'https://api.groq.com/openai/v1',
      api_key: 'env:GROQ_API_KEY',
      weight: 1,
      model_mapping: { 'groq/*': '*' },
    },
    local: {
      api_base: 'http://gpu2:11434/v1',
      api_key: 'none',
      weight: 1,
      model_mapping: { local: 'qwen' },
    },
  });
  assert.deepEqual(notes, []);
});

test('weights, limits, headers and aliases are imported, with fractional weights scaled', () => {
  const { providers, notes } = read(`
model_list:
  - model_name: a
    litellm_params:
      {model: openai/a, api_base: "http://one/v1", api_key: k1, weight: 0.25, timeout: 30,
       max_parallel_requests: 8, extra_headers: {x-team: red}}
  - {model_name: a, litellm_params: {model: openai/a, api_base: "http://two/v1", api_key: k2, rpm: 2}}
router_settings: {model_group_alias: {b: a}}
`);
  assert.deepEqual(providers.a, {
    api_base: 'http://one/v1',
    api_key: 'k1',
    weight: 25,
    provider_params: {
      headers: { 'x-team': 'red' },
      max_concurrency: 8,
      timeouts: { total_ms: 30_000 },
    },
    model_mapping: { a: 'a', b: 'a' },
  });
  assert.equal(providers['a-2']?.weight, 100);
  assert.deepEqual(notes, ['model a: without rpm, which limits no provider here']);
});

test('deployments of Anthropic, Gemini, Azure and Cohere get the type that speaks their API', () => {
  const { providers, notes } = read(`
model_list:
  - {model_name: claude, litellm_params: {model: anthropic/claude-4, api_key: os.environ/ANTHROPIC_API_KEY}}
  - {model_name: own, litellm_params: {model: anthropic/claude-5, api_base: "https://claude.example.com", api_key: k1}}
  - {model_name: flash, litellm_params: {model: gemini/gemini-2.5-flash}}
  - {model_name: gpt, litellm_params: {model: azure/my-deployment, api_base: "https://r.openai.azure.com", api_key: k2, api_version: "2024-10-21"}}
  - {model_name: command, litellm_params: {model: cohere_chat/command-a}}
  - {model_name: other, litellm_params: {model: sagemaker/x}}
`);
  assert.deepEqual(
    Object.values(providers).map((each) => [
      each.provider_type,
      each.api_base,
      each.api_key,
      each.model_mapping,
    ]),
    [
      [
        'anthropic',
        'https://api.anthropic.com/v1',
        'env:ANTHROPIC_API_KEY',
        { claude: 'claude-4' },
      ],
      ['anthropic', 'https://claude.example.com/v1', 'k1', { own: 'claude-5' }],
      [
        'gemini',
        'https://generativelanguage.googleapis.com/v1beta',
        'env:GEMINI_API_KEY',
        { flash: 'gemini-2.5-flash' },
      ],
      ['azure', 'https://r.openai.azure.com', 'k2', { gpt: 'my-deployment' }],
      ['cohere', 'https://api.cohere.com', 'env:COHERE_API_KEY', { command: 'command-a' }],
    ],
  );
  assert.deepEqual(providers.gpt?.provider_params, { api_version: '2024-10-21' });
  assert.deepEqual(notes, ['model other is left out: the API "sagemaker" is not known here']);
});

test('settings without a counterpart are named, never with a secret', () => {
  const { providers, notes, settings } = read(`
model_list:
  - {model_name: claude, litellm_params: {model: bedrock/claude-4, aws_secret_access_key: sk-secret}}
  - {model_name: bad, litellm_params: {model: openai/x, api_base: "ftp://secret", api_key: sk-secret}}
  - {model_name: env, litellm_params: {model: openai/x, api_base: os.environ/NONE}}
  - {model_name: own, litellm_params: {model: openai/x, api_key: env:ADMIN_KEY}}
  - {model_name: good, litellm_params: {model: openai/x, api_key: sk-secret, tpm: 5, drop_params: true}}
  - {litellm_params: {}}
router_settings: {routing_strategy: usage-based-routing-v2, num_retries: 2, redis_password: sk-secret}
litellm_settings: {fallbacks: [{good: [claude]}], callbacks: [langfuse]}
general_settings: {database_url: "postgres://secret"}
environment_variables: {A: sk-secret}
`);
  assert.deepEqual(Object.keys(providers), ['good']);
  assert.deepEqual(notes, [
    'model claude is left out: add it with "llmproxy provider add --type bedrock"',
    'model env is left out: os.environ/NONE is not set here',
    'model good: without drop_params, tpm',
    'model number 6 is left out: it has no litellm_params.model',
    'fallbacks of good: without claude, for which no model is imported',
    'the routing strategy usage-based-routing-v2 has no counterpart here',
    'keys, teams and budgets in the database of LiteLLM are not read',
    'no counterpart here: callbacks, database_url, environment_variables, redis_password',
    'provider bad is left out: api_base must start with http:// or https://',
    'provider own is left out: api_key must not refer to ADMIN_KEY, a secret of the gateway',
  ]);
  assert.deepEqual(settings, { routing: { max_attempts: 3 } });
});

test('the master key becomes a client key if its variable is set', () => {
  const config = 'general_settings: {master_key: os.environ/MASTER}';
  const { credentials, notes } = read(config, { MASTER: 'sk-1234' });
  assert.equal(credentials['litellm-master']?.credential_key, hashKey('sk-1234'));
  assert.match(notes.join(), /can be guessed/);
  assert.doesNotMatch(JSON.stringify([credentials, notes]), /sk-1234/);
  assert.deepEqual(read(config).credentials, {});
  assert.match(read(config).notes.join(), /MASTER is not set here/);
});

test('a key whose name is taken gets another name', () => {
  const { credentials, ...rest } = read('general_settings: {master_key: sk-1234}');
  const other = { id: 1, name: 'litellm-master', credential_key: hashKey('another') };
  const same = { id: 1, name: 'renamed', credential_key: hashKey('sk-1234') };
  const names = (row: typeof other) =>
    Object.values(withFreeNames({ credentials, ...rest }, [row]).credentials).map(
      ({ name }) => name,
    );
  assert.deepEqual(names(other), ['litellm-master (imported)']);
  assert.deepEqual(names(same), ['renamed']);
});

test('a file that is not a LiteLLM configuration gives nothing', () => {
  for (const text of ['', '[]', 'model_list: 3', 'model_list: [1, null]']) {
    assert.deepEqual(read(text).providers, {}, text);
  }
});

test('anchors are merged, timeouts imported, and fallbacks name only imported models', () => {
  const problems: Problem[] = [];
  const config = parseYaml(
    'config.yaml',
    `
defaults: &own {api_base: "http://gpu1:8000/v1", api_key: own-0123456789, rpm: 100}
model_list:
  - {model_name: a, litellm_params: {<<: *own, model: openai/a}}
  - {model_name: "groq/*", litellm_params: {model: "groq/*", api_key: os.environ/GROQ}}
litellm_settings:
  request_timeout: 1.5
  fallbacks: [{a: [groq/llama, gone]}, {gone: [a]}]
`,
    problems,
  );
  assert.deepEqual(problems, []);
  const { providers, settings, notes } = withoutUnusable(importLitellm(config, {}));
  assert.equal(providers.a?.api_base, 'http://gpu1:8000/v1');
  assert.equal(providers.a?.weight, 1);
  assert.deepEqual(settings, {
    routing: { fallbacks: { a: ['groq/llama'] } },
    upstream: { total_timeout_ms: 1_500 },
  });
  for (const missing of ['fallbacks of a: without gone', 'fallbacks of gone: without gone']) {
    assert.ok(
      notes.some((note) => note.startsWith(missing)),
      notes.join('\n'),
    );
  }
});
