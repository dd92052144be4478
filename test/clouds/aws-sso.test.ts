import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { awsKeys } from '../../src/clouds/aws.js';
import { cloudContext, fakeCloud } from './fake-cloud.js';

const region = 'eu-west-1';
const now = Date.parse('2030-01-01T00:00:00Z');
const expiration = now + 3_600_000;
const roleCredentials = {
  accessKeyId: 'ASIA1',
  secretAccessKey: 'secret',
  sessionToken: 'session',
  expiration,
};
const keys = {
  value: { accessKeyId: 'ASIA1', secretAccessKey: 'secret', sessionToken: 'session' },
  expiresAt: expiration,
};
const startUrl = 'https://example.awsapps.com/start';
const role = 'sso_account_id = 123\nsso_role_name = My Role\n';
const config = `[profile new]
sso_session = work
${role}[sso-session work]
sso_region = us-east-2
sso_start_url = ${startUrl}
[profile old]
sso_start_url = ${startUrl}
sso_region = us-west-2
${role}[profile nowhere]
sso_session = gone
${role}[profile through]
role_arn = arn:aws:iam::1:role/x
source_profile = new
`;
const cacheOf = (key: string) => `/nowhere/.aws/sso/cache/${hash('sha1', key)}.json`;
const token = (minutes: number, more: object = {}) =>
  JSON.stringify({
    accessToken: 'tok',
    expiresAt: new Date(now + minutes * 60_000).toISOString(),
    startUrl,
    ...more,
  });
const auth = (profile: string) => ({ method: 'profile', profile }) as const;
const registered = { clientId: 'c', clientSecret: 's', refreshToken: 'r' };

test('a profile of IAM Identity Center exchanges the token of its sign-in for keys of its role', async (t) => {
  const portal = await fakeCloud(t, () => ({ roleCredentials }));
  const files = {
    '/nowhere/.aws/config': config,
    [cacheOf('work')]: token(60),
    [cacheOf(startUrl)]: token(60, { accessToken: 'old' }),
  };
  const env = { AWS_ENDPOINT_URL_SSO: `${portal.url}/` };
  const context = cloudContext(env, files, () => now);
  assert.deepEqual(await awsKeys(context, auth('new'), region), keys);
  assert.deepEqual(await awsKeys(context, auth('old'), region), keys);
  const named = cloudContext({ ...env, AWS_PROFILE: 'new' }, files, () => now);
  assert.deepEqual(await awsKeys(named, { method: 'default' }, region), keys);
  const [asked, old] = portal.asked;
  assert.equal(asked?.method, 'GET');
  assert.equal(asked.path, '/federation/credentials?account_id=123&role_name=My+Role');
  assert.equal(asked.headers['x-amz-sso_bearer_token'], 'tok');
  assert.equal(old?.headers['x-amz-sso_bearer_token'], 'old');
});

test('its keys may take another role', async (t) => {
  const portal = await fakeCloud(t, () => ({ roleCredentials }));
  const sts = await fakeCloud(
    t,
    () =>
      '<C><AccessKeyId>ASIA2</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>y</SessionToken></C>',
  );
  const env = { AWS_ENDPOINT_URL_SSO: portal.url, AWS_ENDPOINT_URL_STS: sts.url };
  const files = { '/nowhere/.aws/config': config, [cacheOf('work')]: token(60) };
  const found = await awsKeys(
    cloudContext(env, files, () => now),
    auth('through'),
    region,
  );
  assert.equal(found.value.accessKeyId, 'ASIA2');
  assert.match(String(sts.asked[0]?.headers.authorization), /Credential=ASIA1\//);
});

test('a token that is about to expire is renewed, for AWS’s tools too', async (t) => {
  const portal = await fakeCloud(t, () => ({ roleCredentials }));
  const oidc = await fakeCloud(t, () => ({
    accessToken: 'new',
    expiresIn: 3600,
    refreshToken: 'r2',
  }));
  const env = { AWS_ENDPOINT_URL_SSO: portal.url, AWS_ENDPOINT_URL_SSO_OIDC: `${oidc.url}/` };
  const file = cacheOf('work');
  for (const minutes of [-1, 4]) {
    const files: Record<string, string> = {
      '/nowhere/.aws/config': config,
      [file]: token(minutes, registered),
    };
    await awsKeys(
      cloudContext(env, files, () => now),
      auth('new'),
      region,
    );
    assert.equal(portal.asked.at(-1)?.headers['x-amz-sso_bearer_token'], 'new');
    const asked = oidc.asked.at(-1) ?? assert.fail();
    assert.deepEqual([asked.method, asked.path], ['POST', '/token']);
    assert.deepEqual(JSON.parse(asked.body), { ...registered, grantType: 'refresh_token' });
    assert.deepEqual(JSON.parse(files[file] ?? ''), {
      startUrl,
      ...registered,
      accessToken: 'new',
      refreshToken: 'r2',
      expiresAt: new Date(now + 3_600_000).toISOString(),
    });
  }
  const fresh = { '/nowhere/.aws/config': config, [file]: token(6, registered) };
  await awsKeys(
    cloudContext(env, fresh, () => now),
    auth('new'),
    region,
  );
  assert.equal(oidc.asked.length, 2);
  const readOnly = cloudContext(env, { ...fresh, [file]: token(-1, registered) }, () => now);
  readOnly.writeFile = () => Promise.reject(new Error('no'));
  assert.deepEqual(await awsKeys(readOnly, auth('new'), region), keys);
});

test('without a valid token, the command to run is named', async (t) => {
  const portal = await fakeCloud(t, () => ({ roleCredentials }));
  const oidc = await fakeCloud(t, () => 400);
  const env = { AWS_ENDPOINT_URL_SSO: portal.url, AWS_ENDPOINT_URL_SSO_OIDC: oidc.url };
  const keysWith = (cached: Record<string, string>, profile = 'new') => {
    const files = { '/nowhere/.aws/config': config, ...cached };
    return awsKeys(
      cloudContext(env, files, () => now),
      auth(profile),
      region,
    );
  };
  const file = cacheOf('work');
  await assert.rejects(keysWith({}), {
    message: /is not there; run: aws sso login --profile new$/,
  });
  await assert.rejects(keysWith({ [file]: token(0) }), {
    message: /has expired \(.* has no "clientId"\); run: aws sso login --profile new$/,
  });
  await assert.rejects(keysWith({ [file]: token(-1, registered) }), {
    message: /has expired \(the sign-in service of AWS answers 400\)/,
  });
  await assert.rejects(keysWith({ [file]: 'no JSON' }), { message: /is no JSON object/ });
  await assert.rejects(keysWith({}, 'nowhere'), {
    message: 'the sso-session "gone" has no sso_region, or no sso_start_url',
  });
  assert.deepEqual(await keysWith({ [file]: token(4, registered) }), keys, 'it is valid still');
  const empty = await fakeCloud(t, () => ({}));
  const lacking = cloudContext(
    { AWS_ENDPOINT_URL_SSO: empty.url },
    { '/nowhere/.aws/config': config, [file]: token(60) },
    () => now,
  );
  await assert.rejects(awsKeys(lacking, auth('new'), region), {
    message: /IAM Identity Center has no "roleCredentials"/,
  });
});

test('a profile may name another source of the keys for its role', async (t) => {
  const xml =
    '<C><AccessKeyId>ASIA3</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>y</SessionToken></C>';
  const sts = await fakeCloud(t, () => xml);
  const files = {
    '/nowhere/.aws/config': `[profile env]
role_arn = arn:aws:iam::1:role/e
credential_source = Environment
[profile pod]
role_arn = arn:aws:iam::1:role/p
web_identity_token_file = /token
[profile odd]
role_arn = arn:aws:iam::1:role/o
credential_source = Elsewhere
`,
    '/token': 'jwt',
  };
  const env = {
    AWS_ENDPOINT_URL_STS: sts.url,
    AWS_ACCESS_KEY_ID: 'AKIA1',
    AWS_SECRET_ACCESS_KEY: 's',
  };
  const context = cloudContext(env, files);
  for (const profile of ['env', 'pod']) {
    const found = await awsKeys(context, auth(profile), region);
    assert.equal(found.value.accessKeyId, 'ASIA3', profile);
  }
  const [role, identity] = sts.asked.map(({ fields }) => fields);
  assert.deepEqual([role?.Action, role?.RoleArn], ['AssumeRole', 'arn:aws:iam::1:role/e']);
  assert.deepEqual(
    [identity?.Action, identity?.WebIdentityToken],
    ['AssumeRoleWithWebIdentity', 'jwt'],
  );
  await assert.rejects(awsKeys(context, auth('odd'), region), { message: /"odd" is not in/ });
  const { AWS_ACCESS_KEY_ID: _, ...without } = env;
  await assert.rejects(awsKeys(cloudContext(without, files), auth('env'), region), {
    message: /"env" is not in/,
  });
});
