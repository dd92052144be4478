import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Valkey } from '../../../src/daemon/fleet/valkey.js';
import { valkeyLeases } from '../../../src/daemon/fleet/valkey-leases.js';
import { valkeyReason } from '../../../src/daemon/fleet/valkey-reason.js';
import { testDatabase } from '../../support/postgres.js';
import { until } from '../../support/until.js';
import { noValkey, startValkey } from '../../support/valkey.js';

const skip = noValkey;
const parts = { ca: null, timeoutMs: 2_000 };
const wanted = {
  ...{ name: 'a', rate: 10, burst: 10, held: 0, returned: 0, owed: 0, want: 5, least: 1 },
  ...{ level: null, isFirst: false },
};

test('each fault of a Valkey is told with the setting to change', { skip }, async (t) => {
  const acl = '--user half on >word ~* +@all -hset --user gone on >word ~* +@all -evalsha';
  const { port } = await startValkey(t, [...acl.split(' '), '--rename-command', 'HMGET', '']);
  const { port: locked } = await startValkey(t, ['--requirepass', 'secret-word']);
  const { port: replica } = await startValkey(t, ['--replicaof', '127.0.0.1', String(port)]);
  const { port: whole } = await startValkey(t);
  const failureOf = async (
    url: string,
    command = ['EVAL', "redis.call('HSET', 'a', 'b', 1)", '0'],
  ) => {
    const valkey = opened(t, url);
    return await valkey.send(command).then(String, (error: Error) => error.message);
  };
  const at = (to: number) => `127.0.0.1:${to}`;
  assert.match(
    await failureOf(`redis://half:word@${at(port)}`),
    /may do too little \(fleet\.valkey_url.*(user executing the script|'hset')/,
  );
  const script = ['EVALSHA', '0'.repeat(40), '0'];
  assert.match(
    await failureOf(`redis://gone:word@${at(port)}`, script),
    /may do too little.*'evalsha'/,
  );
  assert.match(
    await failureOf(`redis://${at(port)}`, ['HMGET', 'a', 'b']),
    /renamed or disabled there: .*HMGET/i,
  );
  assert.match(
    await failureOf(`redis://${at(locked)}`),
    /wants a password: fleet\.valkey_url has none/,
  );
  assert.match(
    await failureOf(`redis://:no@${at(locked)}`),
    /password is wrong \(fleet\.valkey_url\)/,
  );
  assert.match(
    await failureOf(`redis://${at(whole)}/99`),
    /no database of that number: .*fleet\.valkey_url/,
  );
  assert.match(
    await failureOf(`redis://${at(replica)}`),
    /read-only replica: fleet\.valkey_url must name the primary/,
  );
  assert.match(await failureOf('redis://127.0.0.1:1'), /nothing listens there/);
  assert.equal(await failureOf(`redis://${at(whole)}/1`), 'null');
});

test('leases fail while the memory of a Valkey is full, and go on after it', {
  skip,
}, async (t) => {
  const { port } = await startValkey(t);
  const url = `redis://127.0.0.1:${port}`;
  const leases = valkeyLeases({ ...parts, url, store: await testDatabase(t) }, 'one');
  t.after(() => leases.close());
  assert.equal((await leases.take([wanted], [])).grants[0]?.granted, 5);
  const operator = opened(t, url);
  await operator.send(['CONFIG', 'SET', 'maxmemory', '1']);
  await assert.rejects(
    leases.take([{ ...wanted, held: 5 }], []),
    /refuses: its memory is full: raise its maxmemory, or name another server in fleet\.valkey_url/,
  );
  await operator.send(['CONFIG', 'SET', 'maxmemory', '0']);
  assert.equal((await leases.take([{ ...wanted, held: 5 }], [])).grants[0]?.granted, 5);
});

test('after a failover the connection goes to where the name leads now', { skip }, async (t) => {
  const { port: first } = await startValkey(t);
  const { port: second } = await startValkey(t, ['--replicaof', '127.0.0.1', String(first)]);
  let primary = first;
  const name = createServer((client) => {
    const server = connect(primary, '127.0.0.1');
    client
      .on('error', () => {})
      .pipe(server.on('error', () => {}))
      .pipe(client);
    client.on('close', () => server.destroy());
  });
  await new Promise<void>((resolve) => name.listen(0, '127.0.0.1', resolve));
  t.after(() => name.close());
  const address = name.address();
  assert.ok(address !== null && typeof address === 'object');
  const valkey = opened(t, `redis://127.0.0.1:${address.port}`);
  const write = () =>
    valkey.send(['HSET', 'a', 'b', '1']).then(String, (error: Error) => error.message);
  assert.equal(await write(), '1');
  const [one, two] = [first, second].map((port) => opened(t, `redis://127.0.0.1:${port}`));
  await two?.send(['REPLICAOF', 'NO', 'ONE']);
  await one?.send(['REPLICAOF', '127.0.0.1', String(second)]);
  primary = second;
  assert.match(await write(), /read-only replica/);
  await until('a write', async () => /^[01]$/.test(await write()));
});

test('errors of a server are told without their places and arguments; others as they are', () => {
  const reason = (message: string) => valkeyReason(new Error(message));
  assert.equal(
    reason(
      "ERR ACL failure in script: User x has no permissions to run the 'hset' command script: 1f, on @user_script:9.",
    ),
    "its user may do too little (fleet.valkey_url; docs/fleet.md lists what is needed): ACL failure in script: User x has no permissions to run the 'hset' command",
  );
  assert.match(reason('MISCONF Redis is configured to save'), /cannot save to its disk/);
  assert.match(reason('MOVED 1 10.0.0.1:6379'), /node of a cluster.*fleet\.valkey_url/);
  assert.match(reason('LOADING Redis is loading the dataset in memory'), /loading its data/);
  assert.equal(reason('constructor of something'), 'constructor of something');
  assert.equal(reason('ERR syntax error'), 'ERR syntax error');
});

function opened(t: TestContext, url: string): Valkey {
  const valkey = new Valkey({ ...parts, url });
  t.after(() => valkey.close());
  return valkey;
}
