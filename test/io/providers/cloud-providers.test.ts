import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { converseCodec } from '../../../src/dialects/bedrock/converse-codec.js';
import { fakeCloud } from '../../clouds/fake-cloud.js';
import { startDaemon } from '../../support/daemon.js';
import { openAi } from '../../support/openai.js';
import { testDirectory } from '../../support/postgres.js';
import { until } from '../../support/until.js';
import { startUpstream, type Upstream } from '../../support/upstream.js';

const converseAnswer = JSON.stringify({
  output: { message: { role: 'assistant', content: [{ text: 'hello' }] } },
  stopReason: 'end_turn',
  usage: { inputTokens: 3, outputTokens: 1, totalTokens: 4 },
});

/** Answers as Converse, Gemini or chat does, by the path. */
async function startApi(t: TestContext): Promise<Upstream> {
  return await startUpstream(t, ({ path }, response) => {
    const candidate = {
      content: { role: 'model', parts: [{ text: 'hello' }] },
      finishReason: 'STOP',
    };
    const message = { role: 'assistant', content: 'hello' };
    const answer = path.includes('/model/')
      ? converseAnswer
      : path.includes(':generateContent')
        ? JSON.stringify({ candidates: [candidate] })
        : JSON.stringify({
            id: 'c',
            object: 'chat.completion',
            choices: [{ index: 0, message, finish_reason: 'stop' }],
          });
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  });
}

const origin = ({ url }: Upstream) => url.replace(/\/v1$/, '');
const body = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] };

test('workers sign with credentials that the control process renews, without a database', async (t) => {
  let count = 0;
  const container = await fakeCloud(t, () => ({
    AccessKeyId: `ASIA${++count}`,
    SecretAccessKey: 'secret-of-the-container',
    Token: 'session-of-the-container',
    Expiration: new Date(Date.now() + 6_000).toISOString(),
  }));
  const api = await startApi(t);
  const daemon = await startDaemon(t, {
    workers: 2,
    env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url },
  });
  daemon.secrets.add('secret-of-the-container').add('session-of-the-container');
  const provider_params = { region: 'eu-west-1', auth: { method: 'container' } };
  await daemon.addProvider('bedrock', {
    provider_type: 'bedrock',
    api_base: origin(api),
    api_key: 'none',
    provider_params,
  });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const keyUsed = () =>
    /Credential=(\w+)\/\d{8}\/eu-west-1\/bedrock\//.exec(
      String(api.received.at(-1)?.headers.authorization),
    )?.[1];
  const ask = async () => {
    const answer = await openAi(daemon, key).chat.completions.create(body);
    assert.equal(answer.choices[0]?.message.content, 'hello');
    return keyUsed();
  };
  const first = await ask();
  assert.match(first ?? '', /^ASIA\d$/);
  const [asked] = api.received;
  assert.equal(asked?.path, '/model/m/converse');
  assert.equal(asked.headers['x-amz-security-token'], 'session-of-the-container');
  assert.ok(converseCodec.readRequest(asked.body, { model: 'm', stream: false }));
  await daemon.sql`DROP TABLE providers CASCADE`;
  await until('a signature with other keys', async () => (await ask()) !== first, 20_000);
  const status = await fetch(`${daemon.url}/health/detailed`, {
    headers: { authorization: `Bearer ${daemon.adminKey}` },
  });
  assert.ok(!(await status.text()).includes('of-the-container'));
});

test('a service account of Google and an application of Entra ID get tokens', async (t) => {
  const google = await fakeCloud(t, () => ({ access_token: 'google-token', expires_in: 3600 }));
  const entra = await fakeCloud(t, () => ({ access_token: 'entra-token', expires_in: 3600 }));
  const api = await startApi(t);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const account = {
    type: 'service_account',
    client_email: 'me@p.iam',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    token_uri: google.url,
  };
  const folder = testDirectory();
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'account.json');
  writeFileSync(file, JSON.stringify(account, null, 2));
  const daemon = await startDaemon(t, { env: { AZURE_AUTHORITY_HOST: entra.url } });
  daemon.secrets.add('google-token').add('entra-token').add('app-secret');
  const add = (name: string, flags: string[]) =>
    daemon.cli(['provider', 'add', name, '--type', name, ...flags]);
  const vertex = await add('vertex', [
    ...['--api-base', `${origin(api)}/v1`, '--api-key', `file:${file}`, '--param', 'project=p'],
    ...['--param', 'location=eu', '--map', 'gemini=gemini-2.5-pro'],
  ]);
  assert.equal(vertex.code, 0, vertex.stderr);
  const azure = await add('azure', [
    ...['--api-base', origin(api), '--api-key', 'app-secret', '--map', 'gpt=deployed'],
    ...['--param', 'auth.method=client_secret', '--param', 'auth.tenant_id=t'],
    ...['--param', 'auth.client_id=c'],
  ]);
  assert.equal(azure.code, 0, azure.stderr);
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const client = openAi(daemon, key);
  for (const [model, token] of [
    ['gemini', 'google-token'],
    ['gpt', 'entra-token'],
  ] as const) {
    await client.chat.completions.create({ ...body, model });
    assert.equal(api.received.at(-1)?.headers.authorization, `Bearer ${token}`);
  }
  assert.equal(
    api.received[0]?.path,
    '/v1/projects/p/locations/eu/publishers/google/models/gemini-2.5-pro:generateContent',
  );
  assert.equal(entra.asked[0]?.fields.client_secret, 'app-secret');
  const shown = await daemon.cli(['provider', 'show', 'vertex', '--json']);
  assert.ok(!shown.stdout.includes('google-token'));
});

test('an admin key may not use the identity of the machine, unless the settings say so', async (t) => {
  const daemon = await startDaemon(t, {
    settings: { secrets: { allowed_auth_methods: ['metadata'] } },
  });
  const create = async (type: string, fields: object) => {
    const answer = await fetch(`${daemon.url}/admin/v1/providers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${daemon.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{
          provider_key: type,
          provider_type: type,
          api_base: 'http://127.0.0.1:1',
          api_key: 'none',
        },
        ...fields,
      }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  const auth = (method: string) => ({ provider_params: { project: 'p', auth: { method } } });
  const refused = await create('bedrock', auth('imds'));
  assert.equal(refused.status, 400);
  assert.match(refused.text, /allowed_auth_methods does not name imds/);
  assert.equal((await create('azure', auth('client_secret'))).status, 201);
  assert.equal((await create('vertex', auth('metadata'))).status, 201);
  const external = { api_key: JSON.stringify({ type: 'external_account' }) };
  const files = await create('vertex', { ...external, provider_key: 'v2' });
  assert.match(files.text, /external account/);
});

test('credentials that cannot be fetched take the provider out, with the reason', async (t) => {
  const daemon = await startDaemon(t, {
    env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:1' },
  });
  await daemon.addProvider('bedrock', {
    provider_type: 'bedrock',
    api_base: 'http://127.0.0.1:1',
    api_key: 'none',
    provider_params: { auth: { method: 'container' } },
  });
  await daemon.reload();
  const { reason } = await daemon.waitFor('secret_unusable');
  assert.match(
    String(reason),
    /provider_params\.auth cannot be used: the credentials service of the container could not connect/,
  );
});
