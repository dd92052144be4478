import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flights, type Landing } from '../../../src/policies/cache/flights.js';
import { kept } from './kept.js';

function waitingFor(flights: Flights, count: number) {
  const landed: (Landing | null)[] = Array.from({ length: count }, () => null);
  const waiters = landed.map((_, index) => ({
    land(landing: Landing) {
      assert.equal(landed[index], null, 'it lands once');
      landed[index] = landing;
    },
  }));
  for (const waiter of waiters) flights.join('k', waiter);
  return { landed, waiters };
}

test('the first one asks, and all others get its answer', () => {
  const flights = new Flights();
  assert.equal(flights.take('k'), true);
  assert.equal(flights.take('k'), false);
  assert.equal(flights.take('other'), true);
  const { landed } = waitingFor(flights, 3);
  const answer = kept('x');
  flights.land('k', answer);
  assert.deepEqual(landed, [answer, answer, answer]);
  assert.equal(flights.take('k'), true);
});

test('when the one that asks leaves, the next one asks, and the others go on waiting', () => {
  const flights = new Flights();
  flights.take('k');
  const { landed } = waitingFor(flights, 4);
  for (let i = 0; i < 3; i++) flights.land('k', 'left');
  assert.deepEqual(landed, ['lead', 'lead', 'lead', null]);
  const answer = kept('x');
  flights.land('k', answer);
  assert.equal(landed[3], answer);
});

test('after three failures nobody waits for a fourth', () => {
  const flights = new Flights();
  flights.take('k');
  const { landed } = waitingFor(flights, 5);
  flights.land('k', 'failed');
  flights.land('k', 'failed');
  assert.deepEqual(landed, ['lead', 'lead', null, null, null]);
  flights.land('k', 'failed');
  assert.deepEqual(landed, ['lead', 'lead', 'alone', 'alone', 'alone']);
  assert.equal(flights.take('k'), true);
});

test('an answer that cannot be shared lets everybody ask', () => {
  const flights = new Flights();
  flights.take('k');
  const { landed } = waitingFor(flights, 2);
  flights.land('k', 'alone');
  assert.deepEqual(landed, ['alone', 'alone']);
  flights.land('k', 'alone');
  assert.deepEqual(landed, ['alone', 'alone']);
});

test('a requester that left is not asked to lead, and a flight without requesters ends', () => {
  const flights = new Flights();
  flights.take('k');
  const { landed, waiters } = waitingFor(flights, 3);
  flights.leave('k', waiters[0] as (typeof waiters)[number]);
  flights.leaveAll((waiter) => waiter === waiters[1]);
  flights.leaveAll(() => false);
  flights.land('k', 'left');
  assert.deepEqual(landed, [null, null, 'lead']);
  flights.land('k', 'left');
  assert.equal(flights.take('k'), true);
});
