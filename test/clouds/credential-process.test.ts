import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { awsKeys } from '../../src/clouds/aws.js';
import { runCredentialProcess } from '../../src/clouds/credential-process.js';
import { testDirectory } from '../support/postgres.js';
import { until } from '../support/until.js';
import { cloudContext } from './fake-cloud.js';

const region = 'eu-west-1';
const now = Date.parse('2030-01-01T00:00:00Z');
const auth = { method: 'profile', profile: 'own' } as const;

/** Keys of a profile that names this command. */
function keysOf(command: string, env: Record<string, string> = {}, runsProcesses = true) {
  const files = { '/nowhere/.aws/config': `[profile own]\ncredential_process = ${command}\n` };
  const context = cloudContext({ PATH: process.env.PATH ?? '', ...env }, files, () => now);
  return awsKeys({ ...context, runsProcesses }, auth, region);
}

const printed = (more: object = {}) =>
  JSON.stringify({ Version: 1, AccessKeyId: 'ASIA1', SecretAccessKey: 'hush', ...more });
const print = (text: string) => `printf '%s' '${text}'`;

test('a profile’s credential_process prints keys and their expiry', async () => {
  assert.deepEqual(await keysOf(print(printed())), {
    value: { accessKeyId: 'ASIA1', secretAccessKey: 'hush', sessionToken: null },
    expiresAt: null,
  });
  const Expiration = '2030-01-01T01:00:00Z';
  assert.deepEqual(await keysOf(print(printed({ SessionToken: 'tok', Expiration }))), {
    value: { accessKeyId: 'ASIA1', secretAccessKey: 'hush', sessionToken: 'tok' },
    expiresAt: now + 3_600_000,
  });
});

test('it is not run unless the operator allows it', async () => {
  const file = join(testDirectory(), 'ran');
  await assert.rejects(keysOf(`touch ${file}; ${print(printed())}`, {}, false), {
    name: 'CloudError',
    message: /"own" is not run: set secrets\.allow_credential_process/,
  });
  assert.throws(() => readFileSync(file));
});

test('what it prints wrongly is told without its text', async () => {
  for (const [command, reason] of [
    [print('hush'), /is no JSON object$/],
    [print(printed({ Version: 2 })), /has no "Version" of 1$/],
    [print(printed({ AccessKeyId: '' })), /has no "AccessKeyId"$/],
    [print(printed({ Expiration: '2029-12-31T23:59:59Z' })), /has expired$/],
    [`${print(printed())}; echo hush >&2; exit 3`, /ended with 3$/],
    ['head -c 70000 /dev/zero', /printed more than 65536 bytes$/],
    ['hush --password hush', /ended with 127$/],
  ] as const) {
    await assert.rejects(keysOf(command), (error: Error) => {
      assert.equal(error.name, 'CloudError');
      assert.match(error.message, reason);
      assert.ok(!error.message.includes('hush'), error.message);
      return true;
    });
  }
});

test('it gets none of the gateway’s secrets', async () => {
  const env = { OPENAI_API_KEY: 'hush', LLMPROXY_SECRET_KEY: 'hush', AWS_PROFILE: 'own' };
  const shown = '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"x"}';
  const { value } = await keysOf(
    `printf '${shown}' "[$OPENAI_API_KEY$LLMPROXY_SECRET_KEY$AWS_PROFILE$HOME]"`,
    env,
  );
  assert.equal(value.accessKeyId, '[own/nowhere]');
});

test('all that it has started ends when it takes too long', async () => {
  const file = join(testDirectory(), 'pid');
  const context = { ...cloudContext({ PATH: process.env.PATH ?? '' }), runsProcesses: true };
  const command = `sleep 300 & echo $! > ${file}; wait`;
  await assert.rejects(runCredentialProcess(context, command, 'own', 1_000), {
    name: 'CloudError',
    message: 'the credential_process of the profile "own" took longer than 1 s',
  });
  const pid = Number(readFileSync(file, 'utf8'));
  await until('its end', () => {
    try {
      return !process.kill(pid, 0);
    } catch {
      return true;
    }
  });
});
