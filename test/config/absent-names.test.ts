import assert from 'node:assert/strict';
import { test } from 'node:test';
import { absentNames } from '../../src/config/absent-names.js';
import { didYouMean } from '../../src/config/nearest.js';
import { configuration, credential, provider, team } from './configuration-for-test.js';

const known = configuration(
  [provider('openai'), provider('off', { is_enabled: false })],
  [credential('alice')],
  1,
  [team('noble')],
);

test('the names that a row needs and the configuration lacks are told, with the one meant', () => {
  const named = { key: 'alice', team: 'noble', provider: 'off', user: 'u', tag: 't', model: 'm' };
  const asked = { provider: 'openai', from_provider: 'openai', to_provider: 'openai' };
  assert.deepEqual(absentNames({ applies_to: named, provider_key: 'off', ...asked }, known), []);
  assert.deepEqual(absentNames({ provider: null, provider_key: null }, known), []);
  assert.deepEqual(
    absentNames({ applies_to: { key: 'bob', team: 'nobel', provider: 'opnai' } }, known),
    [
      'there is no key "bob"',
      'there is no team "nobel"; did you mean "noble"?',
      'there is no provider "opnai"; did you mean "openai"?',
    ],
  );
  assert.deepEqual(absentNames({ provider_key: 'x' }, known), ['there is no provider "x"']);
  for (const member of ['provider', 'from_provider', 'to_provider']) {
    const told = ['there is no enabled provider "off"'];
    assert.deepEqual(absentNames({ [member]: 'off' }, known), told, member);
  }
});

test('a name is not meant by one that shares no letter with it', () => {
  assert.equal(didYouMean('x', ['a']), '');
  assert.equal(didYouMean('tt', ['t']), '; did you mean "t"?');
});

test('many names are not compared', () => {
  const names = Array.from({ length: 2_000 }, (_, at) => `name-of-${at}`);
  assert.equal(didYouMean('nme-of-77', names), '; did you mean "name-of-77"?');
  assert.equal(didYouMean('nme-of-77', [...names, 'one more']), '');
  assert.equal(didYouMean('other', names), '');
});
