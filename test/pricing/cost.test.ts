import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { noClasses, type UsageClasses } from '../../src/dialects/usage.js';
import { catalogOf } from '../../src/pricing/catalog.js';
import { costLines, costOf } from '../../src/pricing/cost.js';
import { type ModelPrice, settlePrice } from '../../src/pricing/model-price.js';
import { pricesOf } from '../../src/pricing/model-prices.js';
import { priceForTest } from './price-for-test.js';

const bases = {
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com/v1',
  gemini: 'https://generativelanguage.googleapis.com/v1beta',
} as const;

function bundled(provider_type: keyof typeof bases, model: string, day: string): ModelPrice {
  const { models: catalog } = catalogOf({ provider_type, api_base: bases[provider_type] });
  const sheet = { revision: '', own: [], catalog, markupPercent: 0 };
  const price = pricesOf(sheet, 'x', model)?.at(Date.parse(day));
  assert.ok(price, model);
  return price;
}

/**
 * Usage of the providers' own examples (see usage-classes.test.ts) times the rates of their price
 * pages, worked out by hand; dollars for a million tokens.
 */
const golden: [
  page: string,
  type: keyof typeof bases,
  model: string,
  classes: Partial<UsageClasses>,
  nano: number,
][] = [
  [
    // 86 · 2.50 + 1920 · 1.25 + 300 · 10.00 = 5,615
    'openai.com/api/pricing, GPT-4o',
    'openai',
    'gpt-4o',
    { input: 86, cacheRead: 1920, output: 300 },
    5_615_000,
  ],
  [
    // 75 · 1.25 + 1186 · 10.00 = 11,953.75
    'openai.com/api/pricing, GPT-5',
    'openai',
    'gpt-5',
    { input: 75, output: 1186, reasoning: 1024 },
    11_953_750,
  ],
  [
    // 2048 · 3.00 + 1800 · 0.30 + 456 · 3.75 + 100 · 6.00 + 503 · 15.00 = 16,539
    'claude.com/pricing, Sonnet 4.5',
    'anthropic',
    'claude-sonnet-4-5-20250929',
    { input: 2048, cacheRead: 1800, cacheWrite5m: 456, cacheWrite1h: 100, output: 503 },
    16_539_000,
  ],
  [
    // 105 · 3.00 + 7123 · 0.30 + 7345 · 3.75 + 6039 · 15.00 + one search of 1,000 for $10
    'claude.com/pricing, Sonnet 4.5 and web search',
    'anthropic',
    'claude-sonnet-4-5-20250929',
    { input: 105, cacheRead: 7123, cacheWrite5m: 7345, output: 6039, searches: 1 },
    130_580_650,
  ],
  [
    // 328 · 1.25 + 356 · 10.00 + two searches of 1,000 for $10 and one of files of 1,000 for $2.50
    'openai.com/api/pricing, GPT-5 and built-in tools',
    'openai',
    'gpt-5',
    { input: 328, output: 356, searches: 2, fileSearches: 1 },
    26_470_000,
  ],
  [
    // Past 200,000 tokens of prompt: 29 · 2.50 + 696,190 · 0.25 + 214 · 15.00 = 177,330
    'ai.google.dev/pricing, Gemini 2.5 Pro',
    'gemini',
    'gemini-2.5-pro',
    { input: 29, cacheRead: 696_190, output: 214 },
    177_330_000,
  ],
  [
    // Up to 200,000 tokens: 1000 · 1.25 + 100 · 10.00
    'ai.google.dev/pricing, Gemini 2.5 Pro, short',
    'gemini',
    'gemini-2.5-pro',
    { input: 1000, output: 100 },
    2_250_000,
  ],
  [
    // 1000 · 1.25 + 100 · 10.00 + a picture of 1056 · 40.00 + a container of $0.03
    'openai.com/api/pricing, GPT-5 with image generation and code interpreter',
    'openai',
    'gpt-5',
    { input: 1000, output: 100, imageOutput: 1056, containers: 1 },
    74_490_000,
  ],
  [
    // 100 · 4.00 + 200 · 32.00 + 50 · 0.40 + 40 · 16.00 + 300 · 64.00 = 26,660
    'openai.com/api/pricing, gpt-realtime',
    'openai',
    'gpt-realtime',
    { input: 100, audioInput: 200, cacheRead: 50, output: 40, audioOutput: 300 },
    26_660_000,
  ],
  [
    // 50 · 5.00 + 323 · 10.00 + 1056 · 40.00 = 45,720
    'openai.com/api/pricing, gpt-image-1',
    'openai',
    'gpt-image-1',
    { input: 50, imageInput: 323, imageOutput: 1056 },
    45_720_000,
  ],
  [
    // A minute and a half of $0.006
    'openai.com/api/pricing, Whisper',
    'openai',
    'whisper-1',
    { seconds: 90 },
    9_000_000,
  ],
  [
    // 1000 · 0.30 + 1000 · 1.00 + 100 · 2.50 = 1,550
    'ai.google.dev/pricing, Gemini 2.5 Flash with audio',
    'gemini',
    'gemini-2.5-flash',
    { input: 1000, audioInput: 1000, output: 100 },
    1_550_000,
  ],
  [
    // 332 · 0.50 + 165 · 3.00 + 136 · 2.00 + 42 · 12.00 = 1,437
    'ai.google.dev/pricing, Gemini 2.5 Flash Live',
    'gemini',
    'gemini-live-2.5-flash',
    { input: 332, audioInput: 165, output: 136, reasoning: 136, audioOutput: 42 },
    1_437_000,
  ],
];

for (const [page, type, model, classes, nano] of golden) {
  test(`an example costs what ${page} says`, () => {
    const price = bundled(type, model, '2026-01-01');
    assert.equal(costOf(price, { ...noClasses, ...classes }, 0), nano);
  });
}

test('a class without its own rate is charged as the class that contains it', () => {
  const price = settlePrice(priceForTest({ rates: { input: 3_000_000, output: 5_000_000 } }));
  const tokens = { cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1, audioInput: 1, imageInput: 1 };
  assert.equal(costOf(price, { ...noClasses, ...tokens }, 0), 15);
  const out = { output: 10, reasoning: 4, audioOutput: 1, imageOutput: 1 };
  assert.equal(costOf(price, { ...noClasses, ...out }, 0), 60);
  const written = settlePrice(priceForTest({ rates: { cache_write_5m: 7_000_000 } }));
  assert.equal(costOf(written, { ...noClasses, cacheWrite1h: 2 }, 0), 14);
});

test('every unit is charged once, and the lines add up to the cost', () => {
  const rates = {
    ...{ input: 1_000_000, cache_read: 2_000_000, cache_write_5m: 3_000_000 },
    ...{ cache_write_1h: 4_000_000, audio_input: 5_000_000, image_input: 6_000_000 },
    ...{ output: 7_000_000, reasoning: 8_000_000, audio_output: 9_000_000 },
    ...{ image_output: 10_000_000, request: 100, image: 1_000, second: 10_000, search: 100_000 },
    hour: 3_600_000,
    character: 1_000_000,
    file_search: 10_000_000,
    container: 100_000_000,
  };
  const price = settlePrice(priceForTest({ rates }));
  const classes = {
    ...{ input: 1, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1, audioInput: 1, imageInput: 1 },
    ...{ output: 3, reasoning: 1, audioOutput: 1, imageOutput: 1 },
    ...{ images: 2, characters: 2, seconds: 1.5, searches: 3, fileSearches: 2, containers: 4 },
    tier: null,
  };
  const cost =
    1 +
    2 +
    3 +
    4 +
    5 +
    6 +
    14 +
    8 +
    9 +
    10 +
    100 +
    2_000 +
    20_000 +
    300_000 +
    1_000 +
    2_000_000 +
    2 * 10_000_000 +
    4 * 100_000_000;
  assert.equal(costOf(price, classes, 999.5), cost);
  const lines = costLines(price, classes, 999.5);
  assert.equal(
    lines.reduce((sum, line) => sum + line.cost, 0),
    cost,
  );
  assert.deepEqual(lines[0], { unit: 'input', count: 1, rate: 1_000_000, per: 1_000_000, cost: 1 });
  assert.equal(lines.length, 18);
  assert.deepEqual(
    costLines(settlePrice(priceForTest({})), { ...noClasses, input: 5 }, 9).map(({ unit }) => unit),
    ['input'],
    'what is free and no token is no line',
  );
});

test('the rates of long contexts and of other tiers replace the standard ones', () => {
  const price = settlePrice(
    priceForTest({
      rates: { input: 10_000_000, output: 100_000_000 },
      service_tiers: { batch: { input: 5_000_000, output: 50_000_000 } },
      context_tiers: [
        { above_tokens: 1_000, rates: { input: 30_000_000 } },
        {
          above_tokens: 100,
          rates: { input: 20_000_000 },
          service_tiers: { batch: { input: 9_000_000 } },
        },
      ],
    }),
  );
  const cost = (input: number, tier: UsageClasses['tier'] = null) =>
    costOf(price, { ...noClasses, input, tier }, 0);
  assert.deepEqual(
    [cost(100), cost(101), cost(1_000), cost(1_001)],
    [1_000, 2_020, 20_000, 30_030],
  );
  assert.deepEqual([cost(100, 'batch'), cost(101, 'batch')], [500, 909]);
  assert.equal(
    cost(1_001, 'batch'),
    30_030,
    'a long context is not charged at the short one’s rate',
  );
  assert.equal(cost(100, 'flex'), 1_000, 'a tier without rates is charged as the standard one');
  const out = { ...noClasses, output: 1, tier: 'batch' as const };
  assert.equal(costOf(price, out, 0), 50);
});

test('a markup and a discount change every rate, and the revision', () => {
  const written = priceForTest({ rates: { input: 1_000_001, search: 10 } });
  const plain = settlePrice(written);
  const dearer = settlePrice(written, 12.5);
  const cheaper = settlePrice(written, -50);
  assert.equal(dearer.bands[0]?.standard.input, 1_125_001);
  assert.equal(dearer.bands[0]?.standard.search, 11);
  assert.equal(cheaper.bands[0]?.standard.cache_read, 500_001);
  assert.equal(settlePrice(written, -100).bands[0]?.standard.input, 0);
  assert.equal(new Set([plain, dearer, cheaper].map(({ revision }) => revision)).size, 3);
  assert.match(plain.revision, /^operator:[0-9a-f]{12}$/);
  assert.equal(settlePrice({ ...written, source: 'litellm' }).revision.slice(0, 8), 'litellm:');
});

test('the cost of two parts differs from that of the whole by the rounding alone', () => {
  const count = fc.integer({ min: 0, max: 2_000_000_000 });
  const rate = fc.integer({ min: 0, max: 1_000_000_000_000 });
  fc.assert(
    fc.property(count, count, rate, (one, other, input) => {
      const price = settlePrice(priceForTest({ rates: { input } }));
      const cost = (tokens: number) => costOf(price, { ...noClasses, input: tokens }, 0);
      assert.ok(Math.abs(cost(one) + cost(other) - cost(one + other)) <= 1);
    }),
  );
});
