import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLimitStore } from '../../../src/cli/doctor/doctor-limit-store.js';
import type { Settings } from '../../../src/config/settings/settings.js';
import { noValkey, startValkey } from '../../support/valkey.js';

const check = (valkey_url: string | null) =>
  checkLimitStore({ fleet: { valkey_url, valkey_ca: null } } as Settings);

test('doctor checks the Valkey that limits are leased from', { skip: noValkey }, async (t) => {
  const rights = '+hgetall +hget +hmget +hdel +expire +time +hello +client +evalsha';
  const { port } = await startValkey(
    t,
    `--user gateway on >secret-word ~{llmproxy:* ${rights} +eval +hset --user poor on >secret-word ~{llmproxy:* ${rights} +hset --user half on >secret-word ~{llmproxy:* ${rights} +eval`.split(
      ' ',
    ),
  );
  const url = (user: string) => `valkey://${user}:secret-word@127.0.0.1:${port}`;
  assert.equal(await check(null), null);
  const good = await check(url('gateway'));
  assert.deepEqual([good?.state, good?.detail], ['ok', `Valkey or Redis at 127.0.0.1:${port}`]);
  const poor = await check(url('poor'));
  assert.equal(poor?.state, 'fail');
  assert.match(poor?.detail ?? '', /no permissions to run the 'eval' command/);
  const half = await check(url('half'));
  assert.match(half?.detail ?? '', /may do too little.*(user executing the script|'hset')/);
  const wrong = await check(url('nobody'));
  assert.match(wrong?.detail ?? '', /the user name or password is wrong/);
  assert.doesNotMatch(JSON.stringify([good, poor, wrong]), /secret-word/);
});
