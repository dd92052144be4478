import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { defaultText } from '../../../src/mock-provider/text.js';
import { executable, json, llmproxy, temporaryFolder } from '../llmproxy.js';

test('the demo answers once, ignores the settings of its user, and leaves nothing behind', async (t) => {
  const TMPDIR = temporaryFolder(t);
  // Each of these would keep the gateway from starting, or from reaching its provider.
  const env = {
    ...{ TMPDIR, DB_URL: 'postgres://127.0.0.1:1/not-this-one', PORT: '1', http_proxy: 'http://[' },
    ...{ DB_LISTEN_URL: 'nonsense', FLEET_VALKEY_URL: 'nonsense', ADMIN_LISTEN: 'nonsense' },
    ...{ OTEL_EXPORTER_OTLP_ENDPOINT: 'nonsense', CREDENTIALS_DIRECTORY: '/nowhere' },
  };
  const outcome = await json(llmproxy(['demo', '--once', '--json'], { env }));
  assert.equal(outcome.answer, defaultText);
  assert.match(outcome.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.match(outcome.key, /^sk-/);
  assert.deepEqual(readdirSync(TMPDIR), []);
});

test('the demo prints a curl line that works, and Ctrl-C stops it', async (t) => {
  const TMPDIR = temporaryFolder(t);
  const child = spawn(process.execPath, [executable, 'demo'], {
    env: { PATH: process.env.PATH, TMPDIR },
    cwd: TMPDIR,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  let output = '';
  for await (const line of createInterface({ input: child.stdout })) {
    output += `${line}\n`;
    if (line.startsWith('It runs until')) break;
  }
  assert.ok(output.includes(defaultText), stderr + output);
  const [command] = /^curl (.*\\\n)*.*$/m.exec(output) ?? [''];
  const curl = spawn('sh', ['-c', `${command} --silent --show-error`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let answer = '';
  curl.stdout.on('data', (chunk) => {
    answer += chunk;
  });
  await once(curl, 'close');
  assert.match(answer, /^data: \{.*\n\ndata: \[DONE\]\n\n$/s);

  child.kill('SIGINT');
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
  assert.deepEqual(readdirSync(TMPDIR), []);
});
