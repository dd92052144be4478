import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RE2JS } from 're2js';
import { piiEntities } from '../../src/config/rows/guardrail.js';
import { type Detector, type Match, merged } from '../../src/policies/guardrails/match.js';
import { Pattern } from '../../src/policies/guardrails/pattern.js';
import { PiiDetector } from '../../src/policies/guardrails/pii/pii.js';
import { type Rule, RuleInspector } from '../../src/policies/guardrails/rule-inspector.js';
import { withReplaced } from '../../src/policies/guardrails/text-edits.js';
import { labelledLines } from './pii-set.js';

/** No usual first word of an answer: of what begins with such a one, only the rest is found. */
const begun = 'Xyz ';

/** The text with everything found replaced by its name, inspected in these pieces. */
function inPieces(detector: Detector, texts: readonly string[], isJson = false): string {
  const pieces = [begun, ...texts];
  const act: Rule['act'] = ({ name }, text) => `<${name}:${text.length}>`;
  const run = new RuleInspector([{ detector, act }]).open(isJson);
  const text = pieces.join('');
  const replacements = pieces.flatMap((piece) => {
    const before = run.decided;
    const told = run.push(piece, false);
    assert.ok(run.decided >= before, 'nothing that was decided is undecided again');
    for (const { start, end } of told) {
      assert.ok(start >= before && end <= run.decided, 'only what is decided is told');
    }
    return told;
  });
  replacements.push(...run.push('', true));
  assert.equal(run.decided, text.length);
  return withReplaced(text, replacements).slice(begun.length);
}

const pii = new PiiDetector(piiEntities);
const sentences = [
  'Mail alice@example.com, call +1 (415) 555-2671 or pay with 4242 4242 4242 4242. Done.',
  'IBAN GB29 NWBK 6016 1331 9268 19; ssn is 219-09-9999. Key sk-proj-AbCdEf0123456789AbCdEf01 end',
  'Zoë 🙂 schreibt an jürgen@müller.de，电话13800138000。 Tel: 555 1234 bis 10:30',
  '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0B\n-----END PRIVATE KEY----- and a@b.co',
];

test('personal data is found at every split of a text in two and in three', () => {
  for (const text of sentences) {
    const whole = inPieces(pii, [text]);
    assert.ok(whole.includes('<'), text);
    for (let one = 0; one <= text.length; one++) {
      assert.equal(inPieces(pii, [text.slice(0, one), text.slice(one)]), whole, `at ${one}`);
      const two = Math.min(text.length, one + 7);
      const pieces = [text.slice(0, one), text.slice(one, two), text.slice(two)];
      assert.equal(inPieces(pii, pieces), whole, `at ${one} and ${two}`);
    }
  }
});

test('an escape in JSON hides nothing at any split, and is kept whole', () => {
  const said = 'Hi\n4242 4242 4242 4242\talice@example.com \\ "bob@example.com"\\';
  const json = JSON.stringify({ said }).replace('alice@', 'al\\u0069ce\\u0040');
  const expected = 'Hi\n<card:19>\t<email:17> \\ "<email:15>"\\';
  for (let one = 0; one <= json.length; one++) {
    const two = Math.min(json.length, one + 3);
    const pieces = [json.slice(0, one), json.slice(one, two), json.slice(two)];
    assert.deepEqual(JSON.parse(inPieces(pii, pieces, true)), { said: expected }, `at ${one}`);
  }
  assert.equal(inPieces(pii, ['"a@b.co\\'], true), '"<email:6>\\', 'a broken end');
});

test('matches at the end or start of a text are replaced too', () => {
  assert.equal(inPieces(pii, ['to a@b.co']), 'to <email:6>');
  assert.equal(inPieces(pii, ['a@b.co', ' is', ' one']), '<email:6> is one');
  assert.equal(inPieces(pii, ['card 4242 4242', ' 4242 4242']), 'card <card:19>');
  const words = new Pattern({ name: 'word', pattern: '(?i)top secret' });
  assert.equal(inPieces(words, ['a Top ', 'secret']), 'a <word:10>');
  assert.equal(inPieces(words, ['top secret', 'top secret!']), '<word:10><word:10>!');
});

test('personal data is found in a text that comes character by character', () => {
  const rare = [
    ...[
      'card 4242\u20104242\u20104242\u20104242 ok',
      'ssn 219\u201109\u20119999',
      '+ 49 30 1234567',
    ],
    ...['postgres://u:pa,ss;w0rd@host/db', 'https://u:p[a]ss{x}@h.com/', 'a{b}c@example.com z'],
    ...['(bob@example.com) or (415) 555-2671', 'xDE89 3704, d\u2019été jean@exämple.fr'],
    `AB12-${'x'.repeat(26)} GB29-NWBK-6016-1331-9268-19, ${'x'.repeat(70)}@${'y'.repeat(60)}.com`,
  ];
  const lines = [...rare, ...labelledLines().map(({ text }) => text)];
  for (const entities of [piiEntities, ...piiEntities.map((each) => [each])]) {
    const detector = new PiiDetector(entities);
    for (const text of lines) {
      assert.equal(
        inPieces(detector, [...text]),
        inPieces(detector, [text]),
        `${entities}: ${text}`,
      );
    }
  }
});

test('text waits only for what the kinds that are looked for may become', () => {
  const open: Record<string, readonly string[]> = {
    'The quick brown fox': ['email', 'secret'],
    'to be': ['email', 'secret', 'iban'],
    'Room GB2': ['email', 'secret', 'iban', 'card', 'ssn', 'phone'],
    'of 42': ['email', 'secret', 'card', 'ssn', 'phone'],
    'at ( ': ['card', 'ssn', 'phone'],
    'so: ': [],
    'so:': ['secret'],
    'what(': ['secret', 'card', 'ssn', 'phone'],
    'what{': ['email'],
    'a://b:c, ': [],
    'a1://b:c,': ['secret'],
    'a1://:c,': ['secret'],
  };
  for (const [text, waiting] of Object.entries(open)) {
    for (const entity of piiEntities) {
      const isOpen = new PiiDetector([entity]).openAt(text) < text.length;
      assert.equal(isOpen, waiting.includes(entity), `${entity}: ${text}`);
    }
  }
});

test('text that may be part of nothing is decided at the end of its word', () => {
  const act: Rule['act'] = () => '';
  const run = new RuleInspector([{ detector: pii, act }]).open(false);
  run.push('The quick brown fox', false);
  assert.equal(run.decided, 'The quick brown '.length);
  run.push(', and so on 。', false);
  assert.equal(run.decided, 'The quick brown fox, and so on 。'.length);
  run.push(' 4242 ', false);
  assert.equal(run.decided, 'The quick brown fox, and so on 。 '.length);
});

/** Text covered by all matches of a pattern, tried at every place by the library itself. */
function covered(pattern: string, text: string): [number, number][] {
  const matcher = RE2JS.compile(pattern).matcher(text);
  const found: Match[] = [];
  for (let end = 1; end <= text.length; end++) {
    for (let start = 0; start < end; start++) {
      if (matcher.find(start) && matcher.start() === start && matcher.end() === end) {
        found.push({ start, end, name: 'x' });
      }
    }
  }
  return merged(found).map(({ start, end }) => [start, end]);
}

test('a pattern covers what the library finds from any place', () => {
  const cases: [string, string][] = [
    ['abc', 'xabcabcx'],
    ['a+b', 'aaab ab b'],
    ['\\bcat\\b', 'cat concat cat.'],
    ['^top|end$', 'top end top end'],
    ['(?m)^x.$', 'xy\nxz\nax1'],
    ['(?i)straße', 'STRASSE Straße'],
    ['[^a-z]\\d{2,3}', ' 1234 a12'],
    ['🙂+', 'a🙂🙂b'],
    ['(foo|foobar)baz', 'foobarbaz foobaz'],
  ];
  for (const [pattern, text] of cases) {
    const own = new Pattern({ name: 'x', pattern }).find(text);
    const shown = merged(own).map(({ start, end }) => [start, end]);
    assert.deepEqual(shown, covered(pattern, text), `${pattern} in ${text}`);
  }
});

test('a pattern finds the same at every split', () => {
  const cases: [string, string][] = [
    ['(?i)project[- ]x\\b', 'about Project-X and project x, not projectx or project-xy'],
    ['\\$\\d+(\\.\\d\\d)?', 'from $5 to $12.50 or $1.2.'],
    ['^begin|end$', 'begin the end begin end'],
    ['🙂🙃', 'a🙂🙃b🙂🙂🙃'],
  ];
  for (const [pattern, text] of cases) {
    const detector = new Pattern({ name: 'x', pattern });
    const whole = inPieces(detector, [text]);
    for (let at = 0; at <= text.length; at++) {
      assert.equal(
        inPieces(detector, [text.slice(0, at), text.slice(at)]),
        whole,
        `${pattern} ${at}`,
      );
    }
    assert.equal(inPieces(detector, text.split('')), whole, pattern);
  }
});

test('a pattern with unbounded matches holds a bounded text', () => {
  const run = new RuleInspector([
    { detector: new Pattern({ name: 'x', pattern: 'a(?s:.*)b' }), act: () => '-' },
  ]).open(false);
  run.push('a', false);
  for (let i = 0; i < 400; i++) run.push('x'.repeat(100), false);
  assert.ok(run.decided > 0);
  assert.deepEqual(run.push('', true), []);
});

test('a long text takes a time that grows with its length only', () => {
  const text = 'a'.repeat(200_000);
  const nasty = new Pattern({ name: 'x', pattern: '(a+)+b|a(.*c)?' });
  assert.deepEqual(merged(nasty.find(text)).length > 0, true);
  assert.deepEqual(
    pii.find(`${'1-'.repeat(100_000)}${'@'.repeat(50_000)}${'(0 '.repeat(50_000)}`),
    [],
  );
});

test('characters next to those of ASCII are matched as any other', () => {
  for (const [pattern, text] of [
    ['[^a]b', '\u0080b'],
    ['[^a]b', '\u007fb'],
    ['\\x{80}b', '\u0080b'],
    ['(?i:k)b', '\u212ab'],
  ] as const) {
    const found = new Pattern({ name: 'x', pattern }).find(`a ${text} a`);
    assert.deepEqual(found, [{ start: 2, end: 4, name: 'x' }], pattern);
  }
});
