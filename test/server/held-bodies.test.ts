import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldBodies } from '../../src/server/held-bodies.js';

const mebibyte = 1_048_576;

function headers(sent: Record<string, string>) {
  return (name: string) => sent[name] ?? '';
}

test('the bodies that are held at once have 512 MiB, as far as clients declare it, else the most', () => {
  const bodies = new HeldBodies();
  const most = 64 * mebibyte;
  const hold = (sent: Record<string, string>) => bodies.hold(headers(sent), most, true);
  const chunked = { 'transfer-encoding': 'chunked' };
  const releases = Array.from({ length: 7 }, () => hold(chunked));
  for (let i = 0; i < 1_000; i++) hold({})();
  hold({ 'content-length': '1000000000000' })();
  hold({ 'content-length': String(64 * mebibyte - 1) });
  hold({ 'content-length': '1' });
  assert.throws(() => hold({ 'content-length': '1' }), { code: 'overloaded', status: 503 });
  hold({});
  releases[0]?.();
  assert.throws(() => bodies.hold(headers(chunked), most + 1, true), { code: 'overloaded' });
  hold(chunked);
  assert.throws(() => hold(chunked), { code: 'overloaded' });
});

test('callers that can change nothing may use a quarter, and take nothing from the others', () => {
  const bodies = new HeldBodies();
  const hold = (sent: number, mayChange = false) =>
    bodies.hold(headers({ 'content-length': String(sent) }), 512 * mebibyte, mayChange);
  hold(384 * mebibyte, true);
  const release = hold(128 * mebibyte - 1);
  hold(1);
  assert.throws(() => hold(1), { code: 'overloaded', status: 503 });
  hold(0);
  release();
  hold(128 * mebibyte - 1, true);
  assert.throws(() => hold(1, true), { code: 'overloaded' });
  assert.throws(() => hold(1), { code: 'overloaded' });
});
