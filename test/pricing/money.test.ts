import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { charge, formatDollars, parseDollars, shownDollars } from '../../src/pricing/money.js';

test('dollars are read exactly, or not at all', () => {
  const cases: [text: string, nano: number | null][] = [
    ['2.50', 2_500_000_000],
    ['$0.0375', 37_500_000],
    ['0', 0],
    ['0.000000001', 1],
    ['1.0000000010', 1_000_000_001],
    [' 3 ', 3_000_000_000],
    ['999999.999999999', 999_999_999_999_999],
    ['1000000', null],
    ['0.0000000001', null],
    ['-1', null],
    ['1e3', null],
    ['.5', null],
    ['1,5', null],
    ['', null],
  ];
  for (const [text, nano] of cases) assert.equal(parseDollars(text), nano, text);
});

test('dollars are written exactly and read again', () => {
  assert.equal(formatDollars(37_500), '0.0000375');
  assert.equal(formatDollars(2_500_000_000), '2.5');
  assert.equal(formatDollars(0), '0');
  assert.equal(formatDollars(-1), '-0.000000001');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999_999_999_999 }), (nano) => {
      assert.equal(parseDollars(formatDollars(nano)), nano);
    }),
  );
});

test('amounts are shown in cents, and small ones with significant digits', () => {
  const cases: [nano: number, shown: string][] = [
    [0, '$0.00'],
    [12_345_000_000, '$12.35'],
    [-12_345_000_000, '-$12.35'],
    [123_400_000, '$0.1234'],
    [1_234_567, '$0.001235'],
    [37_500, '$0.00003750'],
    [1, '$0.000000001'],
  ];
  for (const [nano, shown] of cases) assert.equal(shownDollars(nano), shown);
});

test('a charge is exact and rounded half up, however large', () => {
  assert.equal(charge(1, 499_999, 1_000_000), 0);
  assert.equal(charge(1, 500_000, 1_000_000), 1);
  assert.equal(charge(3, 500_000, 1_000_000), 2);
  assert.equal(charge(2_000_000_000, 75_000_000_000, 1_000_000), 150_000_000_000_000);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2_147_483_647 }),
      fc.integer({ min: 0, max: 1_000_000_000_000 }),
      fc.constantFrom(1, 10_000, 1_000_000, 3_600_000),
      (count, rate, per) => {
        const exact = (2n * BigInt(count) * BigInt(rate) + BigInt(per)) / (2n * BigInt(per));
        assert.equal(charge(count, rate, per), Number(exact));
      },
    ),
  );
});
