import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Price } from '../../src/config/rows/price.js';
import { catalogName, catalogOf } from '../../src/pricing/catalog.js';
import { matches } from '../../src/pricing/matches.js';
import { pricesOf } from '../../src/pricing/model-prices.js';
import { priceForTest } from './price-for-test.js';

const openai = { provider_type: 'openai', api_base: 'https://api.openai.com/v1' };

function nameAt(own: Price[], model: string, provider = 'p', atMs = Date.now()): string | null {
  const sheet = { revision: '', own, catalog: catalogOf(openai).models, markupPercent: 0 };
  const price = pricesOf(sheet, provider, model)?.at(atMs);
  return price ? `${price.source} ${price.name}` : null;
}

test('the operator’s price wins, the most exact first, and a provider’s own before any', () => {
  const own = [
    priceForTest({ name: 'any', model: 'gpt-4o' }),
    priceForTest({ name: 'wide', model: 'gpt-4*' }),
    priceForTest({ name: 'wider', model: 'gpt-*' }),
    priceForTest({ name: 'of q', model: 'gpt-*', provider_key: 'q' }),
    priceForTest({ name: 'exact of q', model: 'gpt-4.1', provider_key: 'q' }),
  ];
  assert.equal(nameAt(own, 'gpt-4o'), 'operator any');
  assert.equal(nameAt(own, 'gpt-4o-mini'), 'operator wide');
  assert.equal(nameAt(own, 'gpt-5'), 'operator wider');
  assert.equal(nameAt(own, 'gpt-4o', 'q'), 'operator of q');
  assert.equal(nameAt(own, 'gpt-4.1', 'q'), 'operator exact of q');
  assert.equal(nameAt([], 'gpt-4o'), `${catalogName} gpt-4o`);
  assert.equal(nameAt([], 'no-such-model'), null);
});

test('among prices of one name, the latest that has begun counts', () => {
  const own = [
    priceForTest({ name: 'first', model: 'x' }),
    priceForTest({ name: 'third', model: 'x', valid_from: '2026-03-01' }),
    priceForTest({ name: 'second', model: 'x', valid_from: '2026-02-01T12:00:00+01:00' }),
  ];
  const at = (time: string) => nameAt(own, 'x', 'p', Date.parse(time));
  assert.equal(at('2026-02-01T10:59:59Z'), 'operator first');
  assert.equal(at('2026-02-01T11:00:00Z'), 'operator second');
  assert.equal(at('2026-03-01T00:00:00Z'), 'operator third');
  assert.equal(nameAt([own[1] as Price], 'x', 'p', 0), null, 'none has begun');
});

test('bundled prices go by the address, then the type, then the maker of the model', () => {
  const price = (provider_type: string, api_base: string, model: string) => {
    const { models: catalog } = catalogOf({ provider_type, api_base });
    const sheet = { revision: '', own: [], catalog, markupPercent: 0 };
    return pricesOf(sheet, 'p', model)?.at(Date.now())?.bands[0]?.standard.input ?? null;
  };
  const local = 'http://127.0.0.1:8000/v1';
  assert.equal(price('openai', 'https://api.openai.com/v1', 'GPT-4o'), 2_500_000_000);
  assert.equal(price('anthropic', local, 'claude-sonnet-4-5'), 3_000_000_000);
  assert.equal(price('azure', 'https://x.openai.azure.com', 'claude-sonnet-4-5'), 3_000_000_000);
  assert.equal(price('openai', local, 'gpt-4o'), 2_500_000_000);
  assert.equal(price('openai', local, 'gemini-2.5-pro'), 1_250_000_000);
  assert.equal(price('openai', local, 'text-embedding-3-small'), 20_000_000);
  assert.equal(price('openai', local, 'text-embedding-004'), null, 'a name of another maker');
  assert.equal(price('openai', local, 'gpt-oss-120b'), null, 'anybody serves it');
  assert.equal(price('openai', local, 'llama-3.3-70b-versatile'), null);
  assert.ok(price('openai', 'https://api.groq.com/openai/v1', 'llama-3.3-70b-versatile'));
});

test('bundled models write pictures themselves, or by a tool, which is dearer than their text', () => {
  const byTool = (provider_type: string, api_base: string, model: string) => {
    const { models: catalog } = catalogOf({ provider_type, api_base });
    const sheet = { revision: '', own: [], catalog, markupPercent: 0 };
    const price = pricesOf(sheet, 'p', model)?.at(Date.now());
    const { output = 0, image_output = 0 } = price?.bands[0]?.standard ?? {};
    return [price?.picturesByTool, image_output > output];
  };
  const { provider_type, api_base } = openai;
  assert.deepEqual(byTool(provider_type, api_base, 'gpt-4o-mini'), [true, true]);
  assert.deepEqual(byTool('openai', 'http://127.0.0.1:8000/v1', 'gpt-4o-mini'), [true, true]);
  assert.deepEqual(byTool(provider_type, api_base, 'gpt-image-1.5'), [false, true]);
  const google = 'https://generativelanguage.googleapis.com';
  assert.deepEqual(byTool('gemini', google, 'gemini-2.5-flash-image'), [false, true]);
});

test('a bundled price changes on the day that its provider changed it', () => {
  const { models: catalog } = catalogOf({
    provider_type: 'anthropic',
    api_base: 'https://api.anthropic.com',
  });
  const sheet = { revision: '', own: [], catalog, markupPercent: 0 };
  const bands = (day: string) =>
    pricesOf(sheet, 'p', 'claude-sonnet-4-6')?.at(Date.parse(day))?.bands.length;
  assert.deepEqual([bands('2026-03-12'), bands('2026-03-13')], [2, 1]);
});

test('names are matched by each kind of rule', () => {
  const rules = [
    { equals: 'a' },
    { starts_with: 'b-' },
    { ends_with: '-c' },
    { and: [{ contains: 'd' }, { regex: '^(?!.*x)' }] },
  ];
  for (const name of ['a', 'b-1', '1-c', '1d1']) assert.ok(matches({ or: rules }, name), name);
  for (const name of ['aa', '1b-', 'c-', 'dx', '']) assert.ok(!matches({ or: rules }, name), name);
});
