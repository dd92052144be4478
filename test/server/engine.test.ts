import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { it } from 'node:test';
import { selectEngine } from '../../src/server/engine.js';
import { defectsOf } from '../../src/server/engine-defects.js';
import type { Engine } from '../../src/server/exchange.js';
import { netEngine } from '../../src/server/net.js';
import { nodeEngine } from '../../src/server/node.js';

const noWarning = (message: string) => assert.fail(message);

it('auto and net select our engine, without test or warning', async () => {
  assert.equal(await selectEngine('auto', noWarning), netEngine);
  assert.equal(await selectEngine('net', noWarning), netEngine);
  assert.equal(await selectEngine('node', noWarning), nodeEngine);
});

it('net and node pass the test required of hyper-express', async () => {
  assert.deepEqual(await defectsOf(netEngine), []);
  assert.deepEqual(await defectsOf(nodeEngine), []);
});

it('hyper-express reports its defects, or why it does not load', async () => {
  const defects: string[] = [];
  try {
    const engine = await selectEngine('hyper-express', (defect) => defects.push(defect));
    assert.equal(engine.name, 'hyper-express');
    for (const defect of defects) assert.match(defect, /^hyper-express (answers|takes) /);
  } catch (error) {
    assert.match(String(error), /hyper-express does not load \(.+\); choose engine "auto"$/);
  }
});

it('a defect of an engine is found', async () => {
  const broken: Engine = {
    name: 'hyper-express',
    async listen({ handler }) {
      const server = createServer((socket) => {
        let seen = '';
        socket.on('data', (chunk) => {
          seen += chunk;
          if (seen.startsWith('GET / HTTP/1.1')) socket.end('HTTP/1.1 505 No\r\n\r\n');
          else socket.end('HTTP/1.1 200 OK\r\n\r\n<a>');
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      assert.ok(address !== null && typeof address === 'object' && typeof handler === 'function');
      const close = () => server.close();
      return { port: address.port, active: 0, drain: async () => {}, close };
    },
  };
  // The first is answered wrongly, the second without the handler seeing a request.
  assert.equal((await defectsOf(broken)).length, 2);
});

it('every engine names the address that it cannot listen on', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const address = taken.address();
  assert.ok(address !== null && typeof address === 'object');
  const options = { host: '127.0.0.1', port: address.port, handler: () => {} };
  const expected = new RegExp(`^Error: Cannot listen on 127.0.0.1:${address.port}: `);
  try {
    for (const engine of [netEngine, nodeEngine]) {
      await assert.rejects(engine.listen(options), expected);
    }
  } finally {
    taken.close();
  }
});
