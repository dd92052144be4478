import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forbiddenReference } from '../../../src/config/secrets/secret-reference.js';
import { loadSettings } from '../../../src/config/settings/settings.js';

const { secrets: usual } = loadSettings();

test('an admin key may refer to the variables and folders in the settings, by default those of providers', () => {
  for (const reference of [
    'env:OPENAI_API_KEY',
    'env:LLMPROXY_PROVIDER_MAIN',
    'file:/etc/llmproxy/azure-key',
    'file:/run/secrets/openai',
    'file:/run/credentials/llmproxy.service/azure_key',
  ]) {
    assert.equal(forbiddenReference(reference, usual), null, reference);
  }
  for (const reference of [
    'env:DB_LISTEN_URL',
    'env:ADMIN_KEY',
    'env:AWS_SECRET_ACCESS_KEY',
    'env:PATH',
    'env:OPENAI_API_KEY_OLD',
    'env:openai_api_key',
    'env:',
    'env:A-B_API_KEY',
    'file:/etc/passwd',
    'file:/etc/llmproxy',
    'file:/etc/llmproxy-other/key',
    'file:/etc/llmproxy/../shadow',
    'file:/etc/llmproxy/./key',
    'file:/etc/llmproxy//key',
    'file:etc/llmproxy/key',
    'file:/var/lib/llmproxy/admin-key',
  ]) {
    assert.ok(forbiddenReference(reference, usual), reference);
  }
});

test('patterns of variables match whole names, and an empty list allows nothing', () => {
  const with_ = (...allowed_variables: string[]) => ({
    allowed_variables,
    allowed_directories: ['/keys/'],
  });
  assert.equal(forbiddenReference('env:TEAM_A', with_('TEAM_*')), null);
  assert.equal(forbiddenReference('env:EXACT', with_('EXACT')), null);
  assert.equal(forbiddenReference('env:A_KEY_B', with_('A*KEY*')), null);
  assert.match(
    forbiddenReference('env:MY_TEAM_A', with_('TEAM_*')) ?? '',
    /^must not refer to the variable MY_TEAM_A: secrets\.allowed_variables does not name it$/,
  );
  assert.ok(forbiddenReference('env:EXACTLY', with_('EXACT')));
  assert.ok(forbiddenReference('env:ANY', with_()));
  assert.equal(forbiddenReference('file:/keys/a', with_()), null);
  assert.ok(forbiddenReference('file:/keys', with_()));
});
