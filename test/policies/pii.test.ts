import assert from 'node:assert/strict';
import { test } from 'node:test';
import { piiEntities } from '../../src/config/rows/guardrail.js';
import { type Match, merged } from '../../src/policies/guardrails/match.js';
import { isOpener } from '../../src/policies/guardrails/pii/openers.js';
import { PiiDetector } from '../../src/policies/guardrails/pii/pii.js';
import { hardLines, type LabelledLine, labelledLines } from './pii-set.js';

const detector = new PiiDetector(piiEntities);

interface Score {
  labelled: number;
  recalled: number;
  found: number;
  right: number;
}

/**
 * Counts expected and unexpected matches by name.
 * @param wrong is called with each.
 */
function scores(lines: readonly LabelledLine[], wrong: string[]): Map<string, Score> {
  const all = new Map<string, Score>();
  const of = (name: string) => {
    const score = all.get(name) ?? { labelled: 0, recalled: 0, found: 0, right: 0 };
    all.set(name, score);
    return score;
  };
  for (const { text, labels } of lines) {
    const matches = detector.find(text);
    for (const { name, start, end } of labels) {
      of(name).labelled++;
      const isWhole = matches.some(
        (match) => match.name === name && match.start <= start && match.end >= end,
      );
      if (isWhole) of(name).recalled++;
      else wrong.push(`missed ${name}: ${text}`);
    }
    for (const match of matches) {
      of(match.name).found++;
      const isRight = labels.some(
        (label) => label.name === match.name && match.start < label.end && label.start < match.end,
      );
      if (isRight) of(match.name).right++;
      else wrong.push(`wrong ${match.name}: ${text}`);
    }
  }
  return all;
}

test('the labelled set has 500 lines and more, with every kind of data', () => {
  const lines = labelledLines();
  assert.ok(lines.length >= 500, String(lines.length));
  const names = new Set(lines.flatMap(({ labels }) => labels.map(({ name }) => name)));
  assert.deepEqual([...names].sort(), [...piiEntities].sort());
  assert.ok(lines.filter(({ labels }) => labels.length === 0).length >= 150);
});

const sets = [
  {
    name: 'usual forms',
    lines: labelledLines(),
    known: [],
  },
  {
    name: 'unusual forms',
    lines: hardLines(),
    known: [
      'wrong secret: curl -U proxy:port',
      'wrong ssn: Range 100-20-3000 units, part no. 123-45-678',
    ],
  },
];
for (const { name, lines, known } of sets) {
  test(`${name} are found with a recall of 0.95 and a precision of 0.9, each kind too`, (t) => {
    const wrong: string[] = [];
    const all = { labelled: 0, recalled: 0, found: 0, right: 0 };
    for (const [name, score] of scores(lines, wrong)) {
      const recall = score.recalled / score.labelled;
      const precision = score.right / score.found;
      t.diagnostic(
        `${name}: ${score.labelled}, recall ${recall.toFixed(3)}, precision ${precision.toFixed(3)}`,
      );
      for (const key of ['labelled', 'recalled', 'found', 'right'] as const) all[key] += score[key];
      if (!(recall >= 0.9)) wrong.push(`recall of ${name}: ${recall}`);
      if (!(precision >= 0.85)) wrong.push(`precision of ${name}: ${precision}`);
    }
    // Rates alone would hide that a form is no longer found.
    assert.deepEqual(wrong, known);
    assert.ok(all.recalled / all.labelled >= 0.95, `recall ${all.recalled} of ${all.labelled}`);
    assert.ok(all.right / all.found >= 0.9, `precision ${all.right} of ${all.found}`);
  });
}

test('cards of 12 and of 15 digits are found by the prefixes of their schemes', () => {
  const namesIn = (text: string) => detector.find(`no. ${text}!`).map(({ name }) => name);
  for (const card of ['501867569193', '6761 7183 0661', '213145421247202', '180032021527382']) {
    assert.deepEqual(namesIn(card), ['card'], card);
  }
  // A wrong check digit, another prefix, and another length.
  for (const other of ['501867569194', '577191465183', '2131454212472028']) {
    assert.deepEqual(namesIn(other), [], other);
  }
});

test('a telephone number in the form of a card is none, and a longer number is no telephone', () => {
  const found = (text: string) => new PiiDetector(piiEntities).find(text);
  assert.deepEqual(found('call +4915112345678'), [{ start: 5, end: 19, name: 'phone' }]);
  assert.deepEqual(found('pay 4915112345678'), [{ start: 4, end: 17, name: 'card' }]);
  assert.equal(found('+378282246310005')[0]?.name, 'phone');
  assert.equal(found('+4242424242424242')[0]?.name, 'card');
});

test('an answer begins at once with a word that is no name', () => {
  const run = detector.open();
  run.push('Hello', false);
  assert.equal(run.decided, 5);
  run.push(' Hello', false);
  assert.equal(run.decided, 6, 'a later word waits for its end');
  const named = detector.open();
  named.push('Alice', false);
  assert.equal(named.decided, 0);
});

test('first words of the languages that models write begin at once, with what surrounds them', () => {
  const worded = new PiiDetector(['email', 'secret']);
  const decided = (text: string, by = worded) => {
    const run = by.open();
    run.push(text, false);
    return run.decided;
  };
  const words = `Sure! I I'm It's Here’s **Yes** ### ** 1. "The ¡Hola! ¿Qué Natürlich, Gerne! Selbstverständlich
    Das Um Bien-sûr, Voici C'est J'ai Aujourd'hui À Claro! Sí, Aquí Você Não Olá! Ótimo Ecco È Certo. L' { [ \n`;
  for (const word of words.trim().split(/\s+/)) {
    const waits = word === 'Bien-sûr,' ? 'Bien-sûr'.length + 1 : word.length;
    assert.equal(decided(word), waits, word);
  }
  for (const name of [
    'Alice',
    'Will',
    'May',
    'Mark',
    'Grace',
    'sk',
    'The.',
    'hello',
    '12',
    'The1',
    '-----',
  ]) {
    assert.equal(decided(name), name === 'The.' ? 4 : 0, name);
  }
  // A text that begins with a country or a digit may be an IBAN or a card.
  for (const [text, waits] of [
    ['It', 2],
    ['I', 1],
    ['1.', 2],
    ['In', 0],
    ['The', 0],
  ] as const) {
    assert.equal(decided(text, detector), text.length - waits, text);
  }
});

test('of an address that begins with the first word of an answer, the rest is found', () => {
  const run = detector.open();
  run.push('The', false);
  assert.deepEqual(run.push('odore@example.com', true), [{ start: 3, end: 20, name: 'email' }]);
  const greeting = detector.open();
  for (const piece of ['Hello', '@exam', 'ple.co', 'm, I']) {
    const found = greeting.push(piece, false);
    if (piece.endsWith('I')) assert.deepEqual(found, [{ start: 5, end: 17, name: 'email' }]);
    else assert.deepEqual([greeting.decided, found], [5, []]);
  }
  const secret = new PiiDetector(['secret']).open();
  secret.push('A', false);
  assert.deepEqual(secret.push('KIAIOSFODNN7EXAMPLE', true), [
    { start: 1, end: 20, name: 'secret' },
  ]);
});

test('numbers in groups unlike those of their kind are none, nor is the user of another command', () => {
  const namesIn = (text: string) => detector.find(text).map(({ name }) => name);
  const forms = [
    ['4111_1111_1111_1111', '4111_1111/1111_1111'],
    ['DE89/3704/0044/0532/0130/00', 'DE89/3704004/40532/013000'],
    ['curl -u app:Gr0up7x https://x.io', 'docker run -u app:Gr0up7x image'],
  ] as const;
  for (const [usual, other] of forms) {
    assert.equal(namesIn(usual).length, 1, usual);
    assert.deepEqual(namesIn(other), [], other);
  }
});

test('a card is found behind a long table of numbers', () => {
  const table = '12, 345\n'.repeat(200);
  const text = `${table}4111 1111 1111 1111`;
  assert.deepEqual(detector.find(text).at(-1), {
    start: table.length,
    end: text.length,
    name: 'card',
  });
});

test('unusual forms are found at every border of two pieces, and character by character', () => {
  const wrong: string[] = [];
  for (const { text, labels } of hardLines()) {
    const whole = merged(detector.find(text));
    const places = labels.length > 0 ? [...text].keys() : [];
    const splits = Array.from(places, (i) => [text.slice(0, i), text.slice(i)]);
    for (const pieces of [...splits, [...text]]) {
      const run = detector.open();
      const found = pieces.flatMap((piece) => run.push(piece, false));
      found.push(...run.push('', true));
      // A usual first word may have left.
      const from = openedIn(pieces);
      const rest = (all: readonly Match[]) =>
        all.map((match) => ({ ...match, start: Math.max(match.start, from) }));
      if (isSame(rest(merged(found)), rest(whole))) continue;
      wrong.push(`${JSON.stringify(pieces.slice(0, 2))} ${JSON.stringify([whole, found])}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** Length of the first pieces that are usual beginnings of an answer, one after the other. */
function openedIn(pieces: readonly string[]): number {
  let text = '';
  for (const piece of pieces) {
    if (!isOpener(text + piece)) break;
    text += piece;
  }
  return text.length;
}

function isSame(some: readonly Match[], others: readonly Match[]): boolean {
  const places = (all: readonly Match[]) => all.map(({ start, end }) => `${start}-${end}`).join();
  return places(some) === places(others);
}
