import assert from 'node:assert/strict';
import { test } from 'node:test';
import { awsKeys } from '../../src/clouds/aws.js';
import { parseProfiles } from '../../src/clouds/aws-profiles.js';
import { cloudContext, fakeCloud } from './fake-cloud.js';

const region = 'eu-west-1';
const expiration = '2031-01-01T00:00:00Z';
const expiresAt = Date.parse(expiration);
const json = {
  AccessKeyId: 'ASIA1',
  SecretAccessKey: 'secret',
  Token: 'session',
  Expiration: expiration,
};
const keys = { accessKeyId: 'ASIA1', secretAccessKey: 'secret', sessionToken: 'session' };
const xml =
  '<AssumeRoleResponse><Credentials><AccessKeyId>ASIA1</AccessKeyId>' +
  '<SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>' +
  `<Expiration>${expiration}</Expiration></Credentials></AssumeRoleResponse>`;

test('variables hold keys, with a token or without', async () => {
  const env = { AWS_ACCESS_KEY_ID: 'AKIA1', AWS_SECRET_ACCESS_KEY: 's' };
  const found = await awsKeys(cloudContext(env), { method: 'environment' }, region);
  assert.deepEqual(found, {
    value: { accessKeyId: 'AKIA1', secretAccessKey: 's', sessionToken: null },
    expiresAt: null,
  });
  const withToken = cloudContext({ ...env, AWS_SESSION_TOKEN: 't' });
  const session = await awsKeys(withToken, { method: 'environment' }, region);
  assert.equal(session.value.sessionToken, 't');
  await assert.rejects(awsKeys(cloudContext(), { method: 'environment' }, region), {
    message: 'this machine has no AWS credentials by "environment"',
  });
});

test('profiles are read from both files, the credentials first', () => {
  const profiles = parseProfiles([
    '[default]\naws_access_key_id = A\n# x = y\n[other]\r\naws_access_key_id=B\n',
    '[profile other]\naws_access_key_id = C\nregion = eu-west-1\ns3 =\n  nested = 1\n[sso-session x]\na = b\n[services y]\nc = d',
  ]);
  assert.deepEqual(Object.fromEntries(profiles.get('other') ?? []), {
    aws_access_key_id: 'B',
    region: 'eu-west-1',
    s3: '',
  });
  assert.equal(profiles.get('default')?.get('aws_access_key_id'), 'A');
  assert.equal(profiles.get('sso-session x')?.get('a'), 'b');
  assert.equal(profiles.size, 3);
});

test('a profile has keys, or a role that those of its source take', async (t) => {
  const sts = await fakeCloud(t, () => xml);
  const files = {
    '/nowhere/.aws/credentials':
      '[default]\naws_access_key_id = AKIA1\naws_secret_access_key = s\n[loop]\nrole_arn = r\nsource_profile = loop',
    '/nowhere/.aws/config':
      '[profile role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\nregion = us-east-2',
  };
  const context = cloudContext({ AWS_ENDPOINT_URL_STS: `${sts.url}/` }, files);
  const own = await awsKeys(context, { method: 'profile' }, region);
  assert.equal(own.value.accessKeyId, 'AKIA1');
  const role = await awsKeys(context, { method: 'profile', profile: 'role' }, region);
  assert.deepEqual(role, { value: keys, expiresAt });
  const [asked] = sts.asked;
  assert.equal(asked?.fields.Action, 'AssumeRole');
  assert.equal(asked.fields.RoleArn, 'arn:aws:iam::1:role/x');
  assert.match(String(asked.headers.authorization), /Credential=AKIA1\/\d+\/us-east-2\/sts\//);
  for (const profile of ['none', 'loop']) {
    await assert.rejects(awsKeys(context, { method: 'profile', profile }, region), {
      message: new RegExp(`the profile "${profile}" is not in /nowhere/.aws/credentials`),
    });
  }
});

test('a role of `auth` is taken with the keys of its method', async (t) => {
  const sts = await fakeCloud(t, () => xml);
  const env = {
    AWS_ACCESS_KEY_ID: 'AKIA1',
    AWS_SECRET_ACCESS_KEY: 's',
    AWS_ENDPOINT_URL_STS: sts.url,
  };
  const auth = { method: 'environment', role_arn: 'arn:aws:iam::1:role/y' } as const;
  assert.deepEqual(await awsKeys(cloudContext(env), auth, region), { value: keys, expiresAt });
  assert.equal(sts.asked[0]?.fields.RoleSessionName, 'llmproxy');
});

test('a web identity is exchanged for a role, without a signature', async (t) => {
  const sts = await fakeCloud(t, () => xml);
  const env = {
    AWS_ROLE_ARN: 'arn:aws:iam::1:role/z',
    AWS_WEB_IDENTITY_TOKEN_FILE: '/token',
    AWS_ENDPOINT_URL_STS: sts.url,
  };
  const context = cloudContext(env, { '/token': 'jwt\n', '/two': 'a b' });
  const found = await awsKeys(context, { method: 'web_identity' }, region);
  assert.deepEqual(found, { value: keys, expiresAt });
  const { fields, headers } = sts.asked[0] ?? assert.fail();
  assert.deepEqual(
    [fields.Action, fields.WebIdentityToken, fields.RoleArn],
    ['AssumeRoleWithWebIdentity', 'jwt', 'arn:aws:iam::1:role/z'],
  );
  assert.equal(headers.authorization, undefined);
  const own = { method: 'web_identity', role_arn: 'arn:aws:iam::1:role/own' } as const;
  await awsKeys(context, own, region);
  assert.deepEqual(
    sts.asked.map((each) => each.fields.RoleArn),
    ['arn:aws:iam::1:role/z', 'arn:aws:iam::1:role/own'],
  );
  const gone = { method: 'web_identity', token_file: '/gone' } as const;
  await assert.rejects(awsKeys(context, gone, region), {
    message: /token file \/gone is not there/,
  });
  const two = { method: 'web_identity', token_file: '/two' } as const;
  await assert.rejects(awsKeys(context, two, region), { message: /\/two holds no token/ });
});

test('a container asks the address of its variables, with its token', async (t) => {
  const service = await fakeCloud(t, () => json);
  const env = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${service.url}/v1/credentials?x=1`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/token',
  };
  const context = cloudContext(env, { '/token': 'pod' });
  assert.deepEqual(await awsKeys(context, { method: 'container' }, region), {
    value: keys,
    expiresAt,
  });
  const [asked] = service.asked;
  assert.deepEqual([asked?.path, asked?.headers.authorization], ['/v1/credentials?x=1', 'pod']);
});

test('the metadata service of EC2 is asked with a token, never without', async (t) => {
  const imds = await fakeCloud(t, ({ method, path, headers }) => {
    if (method === 'PUT') return path === '/latest/api/token' ? 'tok' : 404;
    if (headers['x-aws-ec2-metadata-token'] !== 'tok') return 401;
    return path.endsWith('/security-credentials/') ? 'my role\n' : json;
  });
  const context = cloudContext({ AWS_EC2_METADATA_SERVICE_ENDPOINT: `${imds.url}/` });
  const found = await awsKeys(context, { method: 'imds' }, region);
  assert.deepEqual(found, { value: keys, expiresAt });
  assert.equal(imds.asked[0]?.headers['x-aws-ec2-metadata-token-ttl-seconds'], '21600');
  assert.match(imds.asked[2]?.path ?? '', /\/security-credentials\/my%20role$/);
  const off = cloudContext({ AWS_EC2_METADATA_DISABLED: 'true' });
  await assert.rejects(awsKeys(off, { method: 'imds' }, region), { message: /by "imds"/ });
});

test('the default is the first of them that the machine has', async (t) => {
  const imds = await fakeCloud(t, ({ method, path }) =>
    method === 'PUT' ? 'tok' : path.endsWith('/') ? 'role' : json,
  );
  const at = { AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.url };
  const auth = { method: 'default' } as const;
  assert.equal((await awsKeys(cloudContext(at), auth, region)).value.accessKeyId, 'ASIA1');
  const env = { ...at, AWS_ACCESS_KEY_ID: 'AKIA1', AWS_SECRET_ACCESS_KEY: 's' };
  assert.equal((await awsKeys(cloudContext(env), auth, region)).value.accessKeyId, 'AKIA1');
  assert.equal(imds.asked.length, 3);
});

test('the refusing server is named, with its message', async (t) => {
  const refusal = '<ErrorResponse><Error><Message>not you</Message></Error></ErrorResponse>';
  const sts = await fakeCloud(t, () => refusal);
  const service = await fakeCloud(t, () => 403);
  const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: service.url };
  await assert.rejects(awsKeys(cloudContext(env), { method: 'container' }, region), {
    message: 'the credentials service of the container answers 403',
  });
  const bad = { AWS_CONTAINER_CREDENTIALS_FULL_URI: sts.url };
  await assert.rejects(awsKeys(cloudContext(bad), { method: 'container' }, region), {
    message: 'the credentials service of the container is no JSON object',
  });
  const empty = await fakeCloud(t, () => ({ AccessKeyId: 'x' }));
  const partial = { AWS_CONTAINER_CREDENTIALS_FULL_URI: empty.url };
  await assert.rejects(awsKeys(cloudContext(partial), { method: 'container' }, region), {
    message: 'the credentials service of the container has no "SecretAccessKey"',
  });
  const gone = { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:1/' };
  await assert.rejects(awsKeys(cloudContext(gone), { method: 'container' }, region), {
    message: /the credentials service of the container could not connect/,
  });
});
