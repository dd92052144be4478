import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { environmentWithoutSecrets } from '../../../src/daemon/workers/child-environment.js';
import { startDaemon } from '../../support/daemon.js';

test('a child gets what the system and the runtime need, and no value of anything else', () => {
  const environment = {
    PATH: '/bin',
    LC_ALL: 'C',
    NODE_EXTRA_CA_CERTS: '/ca.pem',
    https_proxy: 'http://proxy:1',
    ADMIN_KEY: 'a',
    DB_URL: 'b',
    DB_LISTEN_URL: 'c',
    LLMPROXY_SECRET_KEY: 'd',
    OPENAI_API_KEY: 'e',
    PGPASSWORD: 'f',
    CREDENTIALS_DIRECTORY: '/run/g',
    MY_PATH: 'h',
  };
  const given = environmentWithoutSecrets(environment);
  assert.deepEqual(Object.keys(given), Object.keys(environment));
  assert.deepEqual(
    Object.entries(given).filter(([, value]) => value !== undefined),
    Object.entries(environment).slice(0, 4),
  );
});

test('no secret of the daemon’s environment is in that of a worker', {
  skip: existsSync('/proc/self/environ') ? false : 'this system has no /proc',
}, async (t) => {
  const secrets = {
    ADMIN_KEY: 'admin-key-for-the-test-of-workers',
    LLMPROXY_SECRET_KEY: randomBytes(32).toString('base64'),
    OPENAI_API_KEY: 'sk-in-the-environment',
  };
  const daemon = await startDaemon(t, { env: secrets, workers: 2 });
  const environmentOf = (pid: number) => readFileSync(`/proc/${pid}/environ`, 'utf8');
  assert.match(environmentOf(daemon.pid), /sk-in-the-environment/);
  const pids = daemon.workerPids();
  assert.equal(pids.length, 2);
  for (const pid of pids) {
    const environment = environmentOf(pid);
    assert.match(environment, /(^|\0)PATH=/);
    assert.doesNotMatch(environment, /DB_URL|postgres:\/\//);
    for (const [name, value] of Object.entries(secrets)) {
      assert.ok(!environment.includes(name) && !environment.includes(value), name);
    }
  }
});
