import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { startDaemon } from '../support/daemon.js';
import { executable, json, withOwnDatabase } from './llmproxy.js';

/** The input to type once the terminal shows a text. */
type Dialogue = readonly (readonly [shown: RegExp, typed: string])[];

const ctrlC = '\u0003';
const ctrlD = '\u0004';
const ctrlU = '\u0015';
const skip =
  spawnSync('script', ['--version']).status === 0
    ? false
    : 'there is no script(1) to make a terminal';

/** Runs the CLI on a terminal of 80 columns. */
function onTerminal(args: string[], env: Record<string, string>, dialogue: Dialogue) {
  return new Promise<{ code: number | null; screen: string }>((resolve, reject) => {
    const command = ['stty cols 80 rows 40;', 'exec', process.execPath, executable, ...args];
    const child = spawn(
      'script',
      ['--quiet', '--return', '--command', command.join(' '), '/dev/null'],
      {
        env: { PATH: process.env.PATH, TERM: 'xterm', SHELL: '/bin/sh', ...env },
      },
    );
    let screen = '';
    let seen = 0;
    let turn = 0;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
      const [shown, typed] = dialogue[turn] ?? [];
      if (!shown?.test(stripVTControlCharacters(screen.slice(seen))) || typed === undefined) return;
      seen = screen.length;
      turn++;
      child.stdin.write(typed);
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, screen: stripVTControlCharacters(screen) }));
  });
}

describe('on a terminal', { skip, concurrency: 2 }, () => {
  test('missing values are asked for, secrets are hidden, and a deletion is confirmed', async (t) => {
    const { run, dbUrl, dataDir } = await withOwnDatabase(t);
    const env = { DB_URL: dbUrl, LLMPROXY_DATA_DIR: dataDir };
    const secret = 'sk-secret-key-of-a-provider';
    const added = await onTerminal(['provider', 'add'], env, [
      [/A unique name/, 'main\r'],
      [/Base URL/, 'ftp://nowhere\r'],
      [/must start with https?:\/\//, `${ctrlU}http://127.0.0.1:1/v1\r`],
      [/API key \(not shown\)/, `${secret}\r`],
    ]);
    assert.equal(added.code, 0, added.screen);
    assert.ok(!added.screen.includes(secret));
    assert.equal(
      (await json(run(['provider', 'show', 'main', '--json']))).api_key_preview,
      'sk-…ider',
    );

    const kept = await onTerminal(['provider', 'remove', 'main'], env, [
      [/Delete provider main/, 'n'],
    ]);
    assert.equal(kept.code, 1);
    assert.match(kept.screen, /nothing was deleted/);
    const careless = await onTerminal(['provider', 'remove', 'main'], env, [[/Delete/, '\r']]);
    assert.match(careless.screen, /nothing was deleted/);
    for (const key of [ctrlC, ctrlD]) {
      const left = await onTerminal(['provider', 'remove', 'main'], env, [[/Delete/, key]]);
      assert.equal(left.code, 1);
      assert.match(left.screen, /nothing was done/);
    }
    const none = await onTerminal(['provider', 'remove', 'none'], env, []);
    assert.match(none.screen, /there is no provider "none"/);
    const gone = await onTerminal(['provider', 'remove', 'main'], env, [
      [/Delete provider main/, 'y'],
    ]);
    assert.equal(gone.code, 0, gone.screen);
    assert.deepEqual(await json(run(['provider', 'list', '--json'])), []);
  });

  test('status --watch draws until Ctrl-C, and leaves the screen as it was', async (t) => {
    const daemon = await startDaemon(t);
    await daemon.addProvider('main', { api_base: 'http://127.0.0.1:1/v1' });
    await daemon.reload();
    const env = { LLMPROXY_DATA_DIR: daemon.dataDir, ADMIN_KEY: daemon.adminKey };
    const { code, screen } = await onTerminal(['status', '--watch'], env, [
      [/main +available[\s\S]*Ctrl-C ends/, ctrlC],
    ]);
    assert.equal(code, 0, screen);
    assert.ok(!screen.includes(daemon.adminKey));
  });
});
