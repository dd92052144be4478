import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Column,
  dataForTerminal,
  forTerminal,
  paint,
  tableLines,
} from '../../src/cli/output.js';
import { invisible } from '../../src/observe/visible.js';

type Row = { name: string; count: number; url: string };

const columns: Column<Row>[] = [
  { header: 'NAME', value: (row) => row.name, shrinkTo: 6 },
  { header: 'COUNT', value: (row) => String(row.count), align: 'right' },
  { header: 'URL', value: (row) => row.url, shrinkTo: 8 },
];

test('a table aligns its columns, and numbers to the right', () => {
  const rows = [
    { name: 'a', count: 1, url: 'http://a' },
    { name: 'bcdef', count: 1000, url: 'http://b' },
  ];
  assert.deepEqual(tableLines(rows, columns, 80), [
    'NAME   COUNT  URL',
    'a          1  http://a',
    'bcdef   1000  http://b',
  ]);
});

test('a table too wide for the terminal is cut in its shrinkable columns', () => {
  const rows = [{ name: 'name', count: 7, url: `http://${'x'.repeat(100)}` }];
  const [, line = ''] = tableLines(rows, columns, 40);
  assert.equal(line.length, 40);
  assert.match(line, /^name {6}7 {2}http:\/\/x+…$/);
});

test('names are shortened only so far that they still differ', () => {
  const names = [{ header: 'NAME', value: (text: string) => text, shrinkTo: 6, isName: true }];
  const cut = (texts: readonly string[]) => tableLines(texts, names, 10).slice(1);
  assert.deepEqual(cut(['a-long-name', 'a-long-name', 'b']), ['a-long-na…', 'a-long-na…', 'b']);
  assert.deepEqual(cut(['a-long-name-1111', 'a-long-name-2222']), [
    'a-long-name-1…',
    'a-long-name-2…',
  ]);
  assert.deepEqual(cut(['a-long-name', 'a-long-name-2']), ['a-long-name', 'a-long-name-2']);
});

test('a table is never cut below what its columns need', () => {
  const rows = [{ name: 'a long name', count: 7, url: 'http://long.example' }];
  assert.deepEqual(tableLines(rows, columns, 5), ['NAME    COUNT  URL', 'a lon…      7  http://…']);
});

test('characters of double width count as two columns', () => {
  const rows = [
    { name: '是是', count: 1, url: 'u' },
    { name: 'abcd', count: 1, url: 'u' },
  ];
  assert.deepEqual(tableLines(rows, columns, 80).slice(1), ['是是      1  u', 'abcd      1  u']);
});

test('a value cannot send control sequences to the terminal', () => {
  const rows = [{ name: '\u001b[31mred\u001b[0m\r\n', count: 1, url: 'u' }];
  assert.deepEqual(tableLines(rows, columns, 80).slice(1), [
    '\\u001b[31mred\\u001b[0m\\u000d\\u000a      1  u',
  ]);
});

test('colours are for terminals only, and off where NO_COLOR is set', (t) => {
  const { NO_COLOR, TERM } = process.env;
  t.after(() => Object.assign(process.env, { NO_COLOR: NO_COLOR ?? '', TERM: TERM ?? '' }));
  Object.assign(process.env, { NO_COLOR: '', TERM: 'xterm' });
  assert.equal(forTerminal(paint('red', 'x', { isTTY: true })), '\u001b[31mx\u001b[39m');
  assert.equal(
    forTerminal(paint('bold', '\u001b[2J', { isTTY: true })),
    '\u001b[1m\\u001b[2J\u001b[22m',
  );
  assert.equal(paint('red', 'x', { isTTY: false }), 'x');
  process.env.NO_COLOR = '1';
  assert.equal(paint('red', 'x', { isTTY: true }), 'x');
  Object.assign(process.env, { NO_COLOR: '', TERM: 'dumb' });
  assert.equal(paint('red', 'x', { isTTY: true }), 'x');
});

test('a style has no width in a table', (t) => {
  const { NO_COLOR, TERM } = process.env;
  t.after(() => Object.assign(process.env, { NO_COLOR: NO_COLOR ?? '', TERM: TERM ?? '' }));
  Object.assign(process.env, { NO_COLOR: '', TERM: 'xterm' });
  const rows = ['a', 'bcd'].map((name) => ({ name, count: 1, url: 'u' }));
  const painted = rows.map((row) => ({ ...row, name: paint('red', row.name, { isTTY: true }) }));
  const bare = (lines: string[]) => lines.map((line) => line.replace(/<style \w+ \d+;/g, ''));
  assert.deepEqual(bare(tableLines(painted, columns, 80)), tableLines(rows, columns, 80));
});

test('a terminal gets only line breaks, tabs and our own styles', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(forTerminal(text).replace(/[\n\t]/g, ''), new RegExp(invisible, 'u'));
    }),
    { numRuns: 1_000 },
  );
  assert.equal(
    forTerminal('a\u001b[8mb\u009bc\u202ed\u200be\u00adf\u{e0041}'),
    'a\\u001b[8mb\\u009bc\\u202ed\\u200be\\u00adf\\udb40\\udc41',
  );
});

test('data on a terminal has no text that the terminal would obey', () => {
  const text = 'model,key\r\n\u001b]0;x\u0007,"a\u202e\nb"\r\n';
  assert.equal(dataForTerminal(text), 'model,key\n\\u001b]0;x\\u0007,"a\\u202e\nb"\n');
  assert.equal(dataForTerminal('a\rb\r'), 'a\\u000db');
});

test('a table of 300,000 rows has a width', () => {
  const rows = Array.from({ length: 300_000 }, (_, id) => ({
    name: String(id),
    count: id,
    url: '',
  }));
  assert.equal(tableLines(rows, columns, 80).length, 300_001);
});
