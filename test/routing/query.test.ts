import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queryNames, withClientQuery, withQuery } from '../../src/routing/query.js';

test('a client’s query is passed on unchanged, except its key and parts that are in the path', () => {
  const cases: [path: string, query: string, sent: string][] = [
    ['/v1/messages', 'beta=true', '/v1/messages?beta=true'],
    ['/a', 'x=%2F+y&x=2&flag', '/a?x=%2F+y&x=2&flag'],
    ['/a', 'key=secret', '/a'],
    ['/a', 'k%65y=secret&&b=1', '/a?b=1'],
    ['/a?api-version=1', 'api-version=2&b=1', '/a?api-version=1&b=1'],
    ['/a', 'api-version=2&b=1', '/a?api-version=2&b=1'],
    ['/a?api-version=1', 'api-version=2', '/a?api-version=1'],
  ];
  for (const [path, query, sent] of cases) {
    assert.equal(withClientQuery(path, queryNames(path), query), sent, query);
  }
});

test('a provider’s own parameters are added, encoded', () => {
  assert.equal(withQuery('/a', {}), '/a');
  assert.equal(withQuery('/a', { 'api-version': '2024 & more' }), '/a?api-version=2024+%26+more');
  assert.equal(withQuery('/a?b=1', { c: '2' }), '/a?b=1&c=2');
});
