import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { suite, test } from 'node:test';
import { executable, llmproxy, temporaryFolder } from './llmproxy.js';

// Most of the time goes into starting processes.
suite('llmproxy', { concurrency: 3 }, () => {
  test('without arguments it prints its help and succeeds', async () => {
    const { code, stdout, stderr } = await llmproxy([]);
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: llmproxy/);
    assert.equal(stderr, '');
  });

  test('--version and --help succeed', async () => {
    const [version, help] = await Promise.all([
      llmproxy(['--version']),
      llmproxy(['keys', 'create', '--help']),
    ]);
    assert.equal(version.code, 0);
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /Examples:\n {2}\$ llmproxy keys create/);
  });

  test('a command without its subcommand is a usage error with the help on stderr', async () => {
    const { code, stdout, stderr } = await llmproxy(['provider']);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^Usage: llmproxy provider/);
  });

  const usageErrors: [args: string[], stderr: RegExp][] = [
    [['frob'], /^error: unknown command 'frob'\nsee: llmproxy --help\n$/],
    [['provider', 'ad'], /^error: unknown command 'ad'\n\(Did you mean add\?\)\n$/],
    [['frob\nok: done'], /^error: unknown command 'frob\n {2}ok: done'\nsee: llmproxy --help\n$/],
    [
      ['provider', 'add'],
      /^error: missing required argument 'provider_key'\nsee: .* add --help\n$/,
    ],
    [['keys', 'list', 'x'], /^error: too many arguments/],
    [['migrate', 'down', '--steps', '0'], /^error: --steps: "0" is not a whole number from 1 to/],
    [['keys', 'list', '--config', '/nonexistent.yaml'], /^error: \/nonexistent\.yaml: no such/],
    [['keys', 'create', '42'], /^error: the name "42" would be taken for an id\n/],
    [['keys', 'create', 'a', '--models', ' ,'], /^error: --models: names no model\n/],
    [['keys', 'create', 'a', '--rate-limit', '1.5'], /^error: --rate-limit: "1\.5" is not a whole/],
    [['keys', 'update', 'a'], /^error: no change was given\n/],
    [['provider', 'update', 'a'], /^error: no change was given\n/],
  ];
  for (const [args, expected] of usageErrors) {
    test(`llmproxy ${args.join(' ')} is a usage error that says what to do`, async () => {
      const { code, stdout, stderr } = await llmproxy(args);
      assert.match(stderr, expected);
      assert.equal(stdout, '');
      assert.equal(code, 2);
    });
  }

  test('with --json an error is one JSON object on stderr', async () => {
    const { code, stdout, stderr } = await llmproxy(['provider', 'show', '--json']);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.deepEqual(JSON.parse(stderr), {
      error: {
        message: "missing required argument 'provider_key'",
        hint: 'see: llmproxy provider show --help',
      },
    });
  });

  test('a secret in a mistyped flag is not repeated', async () => {
    const { code, stderr } = await llmproxy(['provider', 'add', 'x', '--api-kye=sk-secret']);
    assert.equal(code, 2);
    assert.match(stderr, /^error: unknown option '--api-kye=…'\n/);
    assert.doesNotMatch(stderr, /secret/);
  });

  test('an unreachable database is a failure that names it without its password', async (t) => {
    const args = ['keys', 'list', '--db-url', 'postgres://me:secret@127.0.0.1:1/nowhere'];
    const { code, stdout, stderr } = await llmproxy([...args, '--data-dir', temporaryFolder(t)]);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^error: .*127\.0\.0\.1:1\b.*nowhere/);
    assert.doesNotMatch(stderr, /secret/);
  });

  test('a reader that closes the pipe early is no failure', async () => {
    const child = spawn(process.execPath, [executable, '--help'], { stdio: 'pipe' });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const [code] = await once(child, 'close');
    assert.equal(stderr, '');
    assert.equal(code, 0);
  });

  test('arguments that may hold a secret are not visible to other users', async (t) => {
    if (process.platform !== 'linux') return t.skip('reads /proc');
    // Standard input stays open, so the command waits for it with its arguments set.
    const args = ['provider', 'add', 'x', '--db-url', 'postgres://u:secret@127.0.0.1:1/x'];
    const child = spawn(
      process.execPath,
      [executable, ...args, '--api-base', 'http://127.0.0.1/v1', '--api-key-stdin'],
      { stdio: ['pipe', 'ignore', 'ignore'], cwd: temporaryFolder(t) },
    );
    t.after(() => child.kill());
    const commandLine = async () => (await readFile(`/proc/${child.pid}/cmdline`)).toString();
    while (!(await commandLine()).startsWith('llmproxy provider add\0')) {
      assert.equal(child.exitCode, null);
    }
    assert.doesNotMatch(await commandLine(), /secret/);
    child.stdin.end();
  });
});
