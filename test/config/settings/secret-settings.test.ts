import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assign, leaves } from '../../../src/config/settings/leaves.js';
import { secretTexts, withoutSecrets } from '../../../src/config/settings/secret-settings.js';
import { resolveSettings } from '../../../src/config/settings/settings.js';
import { settingsSchema } from '../../../src/config/settings/settings-schema.js';

/** Settings with a text of its own in each that the schema calls secret. */
function settingsWithSecrets() {
  const { settings } = resolveSettings({}, '/');
  const texts: string[] = [];
  for (const { path, type, secret } of leaves(settingsSchema.properties)) {
    if (!secret) continue;
    const text = `secret-${path.join('-')}`;
    texts.push(text);
    const list = [
      { name: 'ci', role: 'viewer', key: text },
      { name: 'x', role: 'admin' },
    ];
    const value = type === 'array' ? list : type === 'object' ? { authorization: text } : text;
    assign(settings as unknown as Record<string, unknown>, path, value);
  }
  return { settings, texts };
}

test('the secrets of the settings are found in texts, tables and lists', () => {
  const { settings, texts } = settingsWithSecrets();
  assert.ok(texts.length > 10);
  assert.deepEqual(secretTexts(settings), texts);
  assert.deepEqual(secretTexts({}), []);
});

test('settings without secrets have their defaults in the place of those, but for the kept ones', () => {
  const { settings, texts } = settingsWithSecrets();
  const shown = withoutSecrets(settings, ['upstream.https_proxy']);
  const left = texts.filter((text) => JSON.stringify(shown).includes(text));
  assert.deepEqual(left, ['secret-upstream-https_proxy']);
  assert.deepEqual(
    { ...shown, upstream: null },
    { ...resolveSettings({}, '/').settings, upstream: null },
  );
  assert.deepEqual(secretTexts(settings), texts);
});
