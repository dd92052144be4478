import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeEvent } from '../../src/observe/describe-event.js';

test('a gateway that cannot answer yet says the next step', () => {
  const said = (providers: number, credentials: number) => {
    const counts = { version: 1, hash: 'h', tookMs: 1, providers, credentials };
    return describeEvent({ type: 'config_active', ...counts }).message;
  };
  assert.match(said(0, 0), /\n {2}next, add a provider: llmproxy provider add NAME --api-base URL/);
  assert.match(said(0, 1), /llmproxy provider add/);
  assert.match(said(1, 0), /\n {2}next, create a key for a client: llmproxy keys create NAME$/);
  assert.doesNotMatch(said(1, 1), /next/);
});
