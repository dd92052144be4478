import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyScanner } from '../../../src/dialects/body/body-scanner.js';
import { noPlace } from '../../../src/dialects/codec.js';
import type { ModelEndpoint } from '../../../src/dialects/endpoint.js';
import { modelEndpoints } from '../../../src/dialects/endpoints.js';
import { checkAlternatives } from '../../../src/proxy/access/check-alternatives.js';
import { buildSnapshot, type RoutedCredential } from '../../../src/routing/snapshot.js';
import { configuration, credential } from '../../config/configuration-for-test.js';
import { settingsForTest } from '../gateway-for-test.js';

const snapshot = buildSnapshot(
  configuration(
    [],
    [credential('all'), credential('some', { allowed_models: ['gpt-*', 'small'] })],
  ),
  'hash',
);
const [all, some] = [...snapshot.credentials.values()] as [RoutedCredential, RoutedCredential];

/** Reads a body of a request for `gpt-4` with these members, as it stands. */
function check(credential: RoutedCredential, members: string, { dialect }: ModelEndpoint): void {
  const body = Buffer.from(`{"model":"gpt-4",${members}}`);
  const scanner = new BodyScanner(dialect.members);
  scanner.push(body);
  const place = dialect.name.startsWith('gemini.') ? { ...noPlace, model: 'gpt-4' } : noPlace;
  const request = dialect.readHead(body, scanner.finish(), place);
  checkAlternatives(credential, request, dialect, settingsForTest().routing);
}

test('a key with a list of models names only these to a router, in every dialect', () => {
  for (const endpoint of modelEndpoints) {
    for (const [members, param] of [
      ['"models":["gpt-5","big"]', 'models'],
      ['"models":"big"', 'models'],
      ['"models":["gpt-5"],"models":["big"]', 'models'],
      ['"models":["big"],"models":["gpt-5"]', 'models'],
      ['"mod\\u0065ls":["big"]', 'models'],
      ['"fallbacks":["big"]', 'fallbacks'],
      ['"fallbacks":[{"gpt-4":["small","big"]}]', 'fallbacks'],
      ['"fallbacks":[{"model":"big"}]', 'fallbacks'],
      ['"context_window_fallbacks":[{"gpt-4":["big"]}]', 'context_window_fallbacks'],
      ['"content_policy_fallbacks":["big"]', 'content_policy_fallbacks'],
      ['"route":"fallback"', 'route'],
    ] as const) {
      const told = `${endpoint.dialect.name} ${members}`;
      const error = { code: 'model_not_allowed', status: 403, param };
      assert.throws(() => check(some, members, endpoint), error, told);
      check(all, members, endpoint);
    }
    for (const members of [
      '"models":["gpt-5","small"]',
      '"models":[]',
      '"models":null',
      '"fallbacks":[{"gpt-4":["small"]}]',
      '"models":["small"],"route":"fallback"',
      '"route":"sort"',
      '"metadata":{"models":["big"]}',
    ]) {
      check(some, members, endpoint);
    }
  }
});

test('a spelling that a provider may read as a list of models is refused', () => {
  const [endpoint = assert.fail()] = modelEndpoints;
  for (const members of ['"Models":["big"]', '"FALLBACKS":["big"]', '"Route":"fallback"']) {
    assert.throws(() => check(some, members, endpoint), { code: 'invalid_request' }, members);
  }
});

test('a key’s models include those that tools and sessions name', () => {
  const at = (name: string) =>
    modelEndpoints.find(({ dialect }) => dialect.name === name) ?? assert.fail();
  const tools = (model: string) => `"tools":[{"type":"image_generation","model":"${model}"}]`;
  const session = (model: string) =>
    `"session":{"model":"gpt-4","audio":{"input":{"transcription":{"model":"${model}"}}}}`;
  const older = (model: string) => `"input_audio_transcription":{"model":"${model}"}`;
  for (const [name, members, param] of [
    ['openai.responses', tools, 'tools'],
    ['openai.responses', (model: string) => `"t\\u006fols":[{"model":"${model}"}]`, 'tools'],
    ['openai.responses', (model: string) => `${tools('small')},${tools(model)}`, 'tools'],
    ['openai.client_secrets', session, 'session.audio.input.transcription.model'],
    ['openai.client_secrets', older, 'input_audio_transcription.model'],
  ] as const) {
    check(some, members('small'), at(name));
    check(all, members('big'), at(name));
    const error = { code: 'model_not_allowed', status: 403, param };
    assert.throws(() => check(some, members('big'), at(name)), error, members('big'));
  }
  check(some, '"tools":[{"type":"function","name":"f","model":"big"}]', at('openai.responses'));
});
