import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import { azureToken } from '../../src/clouds/azure.js';
import { googleToken } from '../../src/clouds/google.js';
import { cloudContext, fakeCloud } from './fake-cloud.js';

const now = () => 1_900_000_000_000;
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });

test('a service account signs an assertion for the address of its tokens', async (t) => {
  const google = await fakeCloud(t, () => ({ access_token: 'tok', expires_in: 3599 }));
  const account = {
    type: 'service_account',
    client_email: 'me@p.iam',
    private_key_id: 'k1',
    private_key: pem,
    token_uri: `${google.url}/token`,
  };
  const found = await googleToken(cloudContext({}, {}, now), 'api_key', JSON.stringify(account));
  assert.deepEqual(found, { value: 'tok', expiresAt: now() + 3_599_000 });
  const { fields } = google.asked[0] ?? assert.fail();
  assert.equal(fields.grant_type, 'urn:ietf:params:oauth:grant-type:jwt-bearer');
  const [head = '', claims = '', signature = ''] = (fields.assertion ?? '').split('.');
  assert.deepEqual(JSON.parse(Buffer.from(head, 'base64url').toString()), {
    alg: 'RS256',
    typ: 'JWT',
    kid: 'k1',
  });
  assert.deepEqual(JSON.parse(Buffer.from(claims, 'base64url').toString()), {
    iss: 'me@p.iam',
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    aud: `${google.url}/token`,
    iat: 1_900_000_000,
    exp: 1_900_003_600,
  });
  const signed = Buffer.from(`${head}.${claims}`);
  const key = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' }));
  assert.ok(verify('RSA-SHA256', signed, key, Buffer.from(signature, 'base64url')));
});

test('wrong JSON of credentials is refused by name, and no key is quoted', async () => {
  const ask = (json: unknown) =>
    googleToken(cloudContext(), 'api_key', typeof json === 'string' ? json : JSON.stringify(json));
  await assert.rejects(ask('{'), { message: 'the JSON of credentials is no JSON object' });
  await assert.rejects(ask({ type: 'x' }), { message: /must be of type service_account/ });
  const account = { type: 'service_account', private_key: 'sk-secret' };
  await assert.rejects(ask(account), { message: 'the service account has no "client_email"' });
  await assert.rejects(ask({ ...account, client_email: 'a' }), {
    message: 'the service account has a private_key that is no PEM',
  });
});

test('a user’s refresh token is exchanged', async (t) => {
  const google = await fakeCloud(t, () => ({ access_token: 'tok', expires_in: 10 }));
  const user = { client_id: 'c', client_secret: 's', refresh_token: 'r', token_uri: google.url };
  const json = JSON.stringify({ type: 'authorized_user', ...user });
  assert.equal((await googleToken(cloudContext(), 'api_key', json)).value, 'tok');
  assert.deepEqual(google.asked[0]?.fields, {
    grant_type: 'refresh_token',
    client_id: 'c',
    client_secret: 's',
    refresh_token: 'r',
  });
});

test('an external account exchanges the token of its issuer, and becomes a service account', async (t) => {
  const google = await fakeCloud(t, ({ path, headers }) => {
    if (path === '/issuer') return { id_token: `for ${headers['x-a']}` };
    if (path === '/sts') return { access_token: 'federated', expires_in: 3600 };
    return { accessToken: 'impersonated', expireTime: '2031-01-01T00:00:00Z' };
  });
  const account = {
    type: 'external_account',
    audience: '//iam/pool',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: `${google.url}/sts`,
  };
  const file = { ...account, credential_source: { file: '/jwt' } };
  const context = cloudContext({}, { '/jwt': 'subject\n' });
  const plain = await googleToken(context, 'api_key', JSON.stringify(file));
  assert.equal(plain.value, 'federated');
  assert.deepEqual(
    [google.asked[0]?.fields.subject_token, google.asked[0]?.fields.audience],
    ['subject', '//iam/pool'],
  );
  const format = { type: 'json', subject_token_field_name: 'id_token' };
  const source = { url: `${google.url}/issuer`, headers: { 'X-A': 'me' }, format };
  const other = {
    ...account,
    credential_source: source,
    service_account_impersonation_url: `${google.url}/account`,
  };
  const found = await googleToken(context, 'api_key', JSON.stringify(other));
  const expiresAt = Date.parse('2031-01-01T00:00:00Z');
  assert.deepEqual(found, { value: 'impersonated', expiresAt });
  assert.equal(google.asked[2]?.fields.subject_token, 'for me');
  assert.equal(google.asked[3]?.headers.authorization, 'Bearer federated');
  const none = JSON.stringify({ ...account, credential_source: {} });
  await assert.rejects(googleToken(context, 'api_key', none), { message: /neither a file nor/ });
});

test('the metadata server gives a token; the environment names a file before it', async (t) => {
  const server = await fakeCloud(t, ({ headers }) =>
    headers['metadata-flavor'] === 'Google' ? { access_token: 'meta', expires_in: 60 } : 403,
  );
  const host = { GCE_METADATA_HOST: server.url.replace('http://', '') };
  const found = await googleToken(cloudContext(host, {}, now), 'metadata', 'none');
  assert.deepEqual(found, { value: 'meta', expiresAt: now() + 60_000 });
  assert.equal(
    server.asked[0]?.path,
    '/computeMetadata/v1/instance/service-accounts/default/token',
  );
  assert.equal((await googleToken(cloudContext(host), 'environment', 'none')).value, 'meta');
  const user = { client_id: 'c', client_secret: 's', refresh_token: 'r', token_uri: server.url };
  const files = { '/adc': JSON.stringify({ type: 'authorized_user', ...user }) };
  const env = { ...host, GOOGLE_APPLICATION_CREDENTIALS: '/adc' };
  await assert.rejects(googleToken(cloudContext(env, files), 'environment', 'none'), {
    message: 'the token service of Google answers 403',
  });
  const gone = { ...host, GOOGLE_APPLICATION_CREDENTIALS: '/gone' };
  await assert.rejects(googleToken(cloudContext(gone), 'environment', 'none'), {
    message: 'the variable GOOGLE_APPLICATION_CREDENTIALS /gone is not there',
  });
});

test('an application gets a token of Entra ID with its secret, or with a federated token', async (t) => {
  const entra = await fakeCloud(t, () => ({ access_token: 'tok', expires_in: 3600 }));
  const env = { AZURE_AUTHORITY_HOST: `${entra.url}/` };
  const auth = { method: 'client_secret', tenant_id: 'ten.ant', client_id: 'app' } as const;
  const found = await azureToken(cloudContext(env, {}, now), auth, 'sec');
  assert.deepEqual(found, { value: 'tok', expiresAt: now() + 3_600_000 });
  assert.equal(entra.asked[0]?.path, '/ten.ant/oauth2/v2.0/token');
  assert.deepEqual(entra.asked[0]?.fields, {
    grant_type: 'client_credentials',
    client_id: 'app',
    scope: 'https://cognitiveservices.azure.com/.default',
    client_secret: 'sec',
  });
  const pod = {
    ...env,
    AZURE_TENANT_ID: 't',
    AZURE_CLIENT_ID: 'c',
    AZURE_FEDERATED_TOKEN_FILE: '/t',
  };
  await azureToken(cloudContext(pod, { '/t': 'jwt' }), { method: 'workload_identity' }, 'none');
  const { client_assertion, client_id, client_secret } = entra.asked[1]?.fields ?? {};
  assert.deepEqual([client_assertion, client_id, client_secret], ['jwt', 'c', undefined]);
  await assert.rejects(azureToken(cloudContext(env), { method: 'client_secret' }, 's'), {
    message: 'provider_params.auth.tenant_id is missing',
  });
});

test('a managed identity is asked for where the machine has it', async (t) => {
  const service = await fakeCloud(t, () => ({ access_token: 'mi', expires_on: '1900000600' }));
  const vm = cloudContext({ AZURE_POD_IDENTITY_AUTHORITY_HOST: service.url });
  const found = await azureToken(vm, { method: 'managed_identity', client_id: 'me' }, 'none');
  assert.deepEqual(found, { value: 'mi', expiresAt: 1_900_000_600_000 });
  const [asked] = service.asked;
  assert.equal(asked?.headers.metadata, 'true');
  assert.equal(
    asked.path,
    '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fcognitiveservices.azure.com&client_id=me',
  );
  const app = cloudContext({ IDENTITY_ENDPOINT: `${service.url}/msi`, IDENTITY_HEADER: 'h' });
  await azureToken(app, { method: 'managed_identity' }, 'none');
  assert.equal(service.asked[1]?.headers['x-identity-header'], 'h');
  assert.match(service.asked[1]?.path ?? '', /^\/msi\?api-version=2019-08-01&resource=/);
});
