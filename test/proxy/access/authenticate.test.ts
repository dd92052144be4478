import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../src/errors.js';
import { authenticate } from '../../../src/proxy/access/authenticate.js';
import { buildSnapshot } from '../../../src/routing/snapshot.js';
import { nodeEngine } from '../../../src/server/node.js';
import { configuration, credential } from '../../config/configuration-for-test.js';
import { withServer } from '../../server/support.js';
import { ask } from '../../support/ask.js';

const snapshot = buildSnapshot(
  configuration(
    [],
    [credential('sk-good'), credential('sk-off', { is_enabled: false }), credential('')],
  ),
  'hash',
);

async function whoIs(authorization: string | null, auth: 'on' | 'off' = 'on'): Promise<string> {
  let found = '';
  await withServer(
    nodeEngine,
    (exchange) => {
      try {
        found = authenticate(exchange, snapshot, auth).name;
      } catch (error) {
        assert.ok(error instanceof GatewayError);
        found = error.code;
      }
      exchange.respond(200, [], '');
    },
    async (_server, origin) => {
      await ask(origin, { headers: authorization === null ? {} : { authorization } });
    },
  );
  return found;
}

test('a known key is accepted, whatever the case of the scheme', async () => {
  for (const header of ['Bearer sk-good', 'bearer sk-good', 'BEARER   sk-good  ']) {
    assert.equal(await whoIs(header), 'sk-good', header);
  }
});

test('a missing key and a wrong one get different errors, and a disabled one is a wrong one', async () => {
  for (const header of [null, '', 'Basic sk-good', 'sk-good', 'Bearersk-good', 'Bearer \xa0']) {
    assert.equal(await whoIs(header), 'missing_api_key', `${header}`);
  }
  for (const header of ['Bearer sk-bad', 'Bearer sk-off', 'Bearer sk-good x', 'Bearer __proto__']) {
    assert.equal(await whoIs(header), 'invalid_api_key', header);
  }
});

test('with auth off everybody is the same', async () => {
  for (const header of [null, 'Bearer sk-bad'])
    assert.equal(await whoIs(header, 'off'), 'anonymous');
});
