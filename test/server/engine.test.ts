import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { it } from 'node:test';
import { selectEngine } from '../../src/server/engine.js';
import { engineOrReason } from './support.js';

const warnings: string[] = [];
const warn = (message: string) => warnings.push(message);
const native = await engineOrReason('hyper-express');

it('auto takes hyper-express where it loads, otherwise node with one warning', async () => {
  warnings.length = 0;
  const engine = await selectEngine('auto', warn);
  if (typeof native === 'string') {
    assert.equal(engine.name, 'node');
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /^hyper-express: native module .* \(.+\); using node:http$/);
  } else {
    assert.equal(engine.name, 'hyper-express');
    assert.deepEqual(warnings, []);
  }
});

it('hyper-express asked for by name fails clearly where it does not load', async (context) => {
  if (typeof native !== 'string') return context.skip('it loads on this machine');
  await assert.rejects(selectEngine('hyper-express', warn), /native module does not load/);
});

it('node needs nothing and warns of nothing', async () => {
  warnings.length = 0;
  assert.equal((await selectEngine('node', warn)).name, 'node');
  assert.deepEqual(warnings, []);
});

it('both engines say which address they cannot listen on', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const address = taken.address();
  assert.ok(address !== null && typeof address === 'object');
  const options = { host: '127.0.0.1', port: address.port, handler: () => {} };
  const expected = new RegExp(`^Error: Cannot listen on 127.0.0.1:${address.port}: `);
  try {
    for (const engine of [native, await selectEngine('node', warn)]) {
      if (typeof engine !== 'string') await assert.rejects(engine.listen(options), expected);
    }
  } finally {
    taken.close();
  }
});
