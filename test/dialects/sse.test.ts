import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  EventCutter,
  EventEnd,
  endOfEvent,
  isEventStream,
  readEvents,
  type SseEvent,
  SseSplitter,
  writeEvent,
} from '../../src/dialects/sse.js';
import { cuts, pieces } from '../proxy/json-for-test.js';

const read = (text: string) => readEvents(Buffer.from(text));

test('an event is its data lines joined, with its last name', () => {
  const streams: [text: string, events: SseEvent[]][] = [
    ['data: a\n\n', [{ event: '', data: 'a' }]],
    ['data:a\n\ndata:  b\n\n', ['a', ' b'].map((data) => ({ event: '', data }))],
    ['data: a\ndata: b\n\n', [{ event: '', data: 'a\nb' }]],
    [
      'event: x\nevent: y\ndata: {}\n\ndata: 2\n\n',
      [
        { event: 'y', data: '{}' },
        { event: '', data: '2' },
      ],
    ],
    ['data: a\r\n\r\ndata: b\r\rdata: c\n\n', ['a', 'b', 'c'].map((data) => ({ event: '', data }))],
    ['\ufeffdata: a\n\ndata: \ufeffb\n\n', ['a', '\ufeffb'].map((data) => ({ event: '', data }))],
    [': comment\n\nid: 7\nretry: 1\n\nevent: ping\n\n', []],
    ['data\n\ndata:\n\n', ['', ''].map((data) => ({ event: '', data }))],
    ['database: a\neventual: b\nxdata: c\n\n', []],
    ['data: not ended', [{ event: '', data: 'not ended' }]],
    ['data: a\n\n\n\n\ndata: b\n\n', ['a', 'b'].map((data) => ({ event: '', data }))],
    ['', []],
  ];
  for (const [text, events] of streams) assert.deepEqual(read(text), events, JSON.stringify(text));
});

const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
const line = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => `data: ${text.replace(/[\r\n]/g, '')}`),
  fc.constantFrom('data: é😀', 'event: e', ': c', 'data', 'id: 1', '\ufeff', ''),
);
const stream = fc
  .tuple(fc.constantFrom('', '\ufeff'), fc.array(fc.tuple(line, lineEnd), { maxLength: 20 }))
  .map(([bom, lines]) => bom + lines.flat().join(''));

/** The specification's own algorithm, line by line over the whole text. */
function bySpecification(text: string): SseEvent[] {
  const events: SseEvent[] = [];
  let event = '';
  let data: string[] = [];
  for (const each of `${text.replace(/^\ufeff/, '')}\n\n`.split(/\r\n|\n|\r/)) {
    const [, field = each, value = ''] = /^([^:]*): ?(.*)$/su.exec(each) ?? [];
    if (each === '') {
      if (data.length > 0) events.push({ event, data: data.join('\n') });
      event = '';
      data = [];
    } else if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
  }
  return events;
}

test('any stream is read as the specification says, however it is cut', () => {
  fc.assert(
    fc.property(stream, cuts, (text, at) => {
      const splitter = new SseSplitter();
      const events: SseEvent[] = [];
      const add = (event: SseEvent) => events.push(event);
      for (const piece of pieces(Buffer.from(text), at)) splitter.push(piece, add);
      splitter.end(add);
      assert.deepEqual(events, bySpecification(text));
    }),
    { numRuns: 1_000 },
  );
});

test('an event is emitted as soon as its blank line arrives', () => {
  for (const blank of ['\n\n', '\r\n\r\n', '\r\r', '\r\r\n']) {
    const splitter = new SseSplitter();
    const seen: string[] = [];
    const add = ({ data }: SseEvent) => seen.push(data);
    for (const byte of `data: a${blank}`) splitter.push(Buffer.from(byte), add);
    assert.deepEqual(seen, ['a'], JSON.stringify(blank));
    splitter.push(Buffer.from('data: b'), add);
    assert.deepEqual(seen, ['a']);
  }
});

test('a cutter passes on every byte, and each event when it ends', () => {
  fc.assert(
    fc.property(stream, cuts, (text, at) => {
      const cutter = new EventCutter();
      const out: Buffer[] = [];
      let taken = 0;
      for (const piece of pieces(Buffer.from(text), at)) {
        taken += piece.length;
        out.push(cutter.push(piece));
        const passed = Buffer.concat(out).length;
        assert.equal(passed + cutter.pendingBytes, taken);
        const end = new EventEnd();
        end.push(Buffer.from(text).subarray(0, passed));
        assert.ok(end.isHere, 'nothing is cut inside an event');
      }
      assert.equal(
        Buffer.concat([...out, cutter.flush()]).toString(),
        Buffer.from(text).toString(),
      );
      assert.equal(cutter.pendingBytes, 0);
    }),
    { numRuns: 500 },
  );
});

test('bytes end with an event where a blank line ends them, of whichever line ends', () => {
  const isHere = (text: string) => {
    const end = new EventEnd();
    end.push(Buffer.from(text));
    return end.isHere;
  };
  for (const text of ['', 'a\n\n', 'a\r\n\r\n', 'a\r\r', 'a\r\r\n', 'a\n\r\n']) {
    assert.equal(isHere(text), true, JSON.stringify(text));
  }
  for (const text of ['a', 'a\n', 'a\r\n', 'a\r', 'a\n\r', '\n\na', 'a\n\nb\n']) {
    assert.equal(isHere(text), false, JSON.stringify(text));
  }
});

test('events that follow each other are separated', () => {
  const bytes = Buffer.from('data: a\n\n: c\r\n\r\ndata: b\r\rdata: d');
  const ends = [0];
  while ((ends.at(-1) ?? 0) < bytes.length) ends.push(endOfEvent(bytes, ends.at(-1) ?? 0));
  assert.deepEqual(ends, [0, 9, 16, 25, 32]);
});

test('an event without an end is refused before it fills the memory', () => {
  const splitter = new SseSplitter();
  const mebibyte = Buffer.alloc(1_048_576, 'x');
  const ignore = () => {};
  for (let i = 0; i < 32; i++) splitter.push(mebibyte, ignore);
  assert.throws(() => splitter.push(mebibyte, ignore), /an event is longer than 33554432 bytes/);
});

test('written streams read back the same, and only event streams are taken for such', () => {
  assert.deepEqual(readEvents(writeEvent('{"a":1}')), [{ event: '', data: '{"a":1}' }]);
  assert.deepEqual(readEvents(writeEvent('x', 'error')), [{ event: 'error', data: 'x' }]);
  for (const yes of [
    'text/event-stream',
    'text/event-stream; charset=utf-8',
    'Text/Event-Stream;x',
  ]) {
    assert.equal(isEventStream(yes), true, yes);
  }
  for (const no of [
    undefined,
    '',
    'application/json',
    'text/event-streams',
    ['text/event-stream'],
  ]) {
    assert.equal(isEventStream(no), false, String(no));
  }
});
