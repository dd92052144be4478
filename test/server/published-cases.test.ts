import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Exchange } from '../../src/server/exchange.js';
import { netEngine } from '../../src/server/net.js';
import { publishedCases } from '../http1/published-cases.js';
import { rawClient, withServer } from './support.js';

/** Echoes what it has read. */
function echo(exchange: Exchange): void {
  const { method, path, query } = exchange;
  exchange.readBody(1_000).then(
    (body) => {
      const told = `${method} ${path}${query ? `?${query}` : ''} ${body.toString('latin1')}`;
      exchange.respond(200, ['x-read', told.trimEnd()], '');
    },
    () => {},
  );
}

for (const [group, cases] of Object.entries(publishedCases)) {
  describe(`the net engine, ${group}`, { timeout: 60_000 }, () => {
    for (const { name, stream, reads, rest } of cases) {
      it(`${rest === 'refusal' ? 'refuses and closes' : 'answers'}: ${name}`, async () => {
        await withServer(netEngine, echo, async (server) => {
          const client = await rawClient(server.port);
          await client.send(Buffer.from(stream, 'latin1'));
          if (rest !== 'refusal') client.socket.end();
          const { received, error } = await client.closed;
          assert.equal(error, null);
          const answers = received.split(/(?=HTTP\/1\.1 \d{3} )/);
          const read = answers.flatMap((answer) => /^x-read: (.*)\r$/m.exec(answer)?.[1] ?? []);
          assert.deepEqual(read, reads);
          const statuses = answers.flatMap(
            (answer) => /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? [],
          );
          const refusals = statuses.filter((status) => status !== '200');
          if (rest !== 'refusal') return assert.deepEqual(refusals, []);
          assert.equal(refusals.length, 1, received);
          assert.match(refusals[0] ?? '', /^(?:400|505)$/);
          assert.match(answers.at(-1) ?? '', /^connection: close\r$/im);
        });
      });
    }
  });
}
