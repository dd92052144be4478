import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ProviderAuth } from '../config/configuration.js';
import { type AwsKeys, signAws } from '../providers/sigv4.js';
import { type Profiles, parseProfiles } from './aws-profiles.js';
import { ssoKeys } from './aws-sso.js';
import { CloudError } from './cloud-error.js';
import { runCredentialProcess } from './credential-process.js';
import {
  askCloud,
  askCloudForJson,
  type CloudContext,
  type Expiring,
  form,
  jsonObject,
  readToken,
  textOf,
  timeOf,
} from './token-request.js';

type Keys = Expiring<AwsKeys>;
type Source = (context: CloudContext, auth: ProviderAuth, region: string) => Promise<Keys | null>;

/** Null: this machine has no such credentials. */
const sources = {
  environment: fromEnvironment,
  profile: fromProfile,
  web_identity: fromWebIdentity,
  container: fromContainer,
  imds: fromMetadata,
} satisfies Record<string, Source>;

/** In the order in which AWS's own tools look. */
const chain = ['environment', 'web_identity', 'profile', 'container', 'imds'] as const;

/**
 * Fetches keys of an AWS account by a method of `auth`; with `role_arn`, keys of that role.
 * @param region where the role is requested.
 * @throws CloudError naming what is missing or who refuses.
 */
export async function awsKeys(
  context: CloudContext,
  auth: ProviderAuth,
  region: string,
): Promise<Keys> {
  const { method, role_arn } = auth;
  const keys = method === 'default' ? await firstOf(context, auth, region) : null;
  const source = Object.hasOwn(sources, method) ? sources[method as keyof typeof sources] : null;
  const found = keys ?? (await source?.(context, auth, region));
  if (!found) throw new CloudError(`this machine has no AWS credentials by "${method}"`);
  // A web identity is for its role only.
  if (role_arn === undefined || method === 'web_identity') return found;
  return await assumeRole(context, found.value, role_arn, region);
}

async function firstOf(
  context: CloudContext,
  auth: ProviderAuth,
  region: string,
): Promise<Keys | null> {
  for (const name of chain) {
    const found = await sources[name](context, auth, region);
    if (found) return found;
  }
  return null;
}

async function fromEnvironment({ env }: CloudContext): Promise<Keys | null> {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) return null;
  const value = {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN || null,
  };
  return { value, expiresAt: null };
}

/** From `~/.aws/credentials` and `~/.aws/config`; a profile with a role names the source of its keys. */
async function fromProfile(
  context: CloudContext,
  { profile }: ProviderAuth,
  region: string,
): Promise<Keys | null> {
  const { env, readFile } = context;
  const home = env.HOME ?? homedir();
  const files = [
    env.AWS_SHARED_CREDENTIALS_FILE ?? join(home, '.aws/credentials'),
    env.AWS_CONFIG_FILE ?? join(home, '.aws/config'),
  ];
  const texts = await Promise.all(files.map((file) => readFile(file).catch(() => '')));
  const profiles = parseProfiles(texts);
  const name = profile ?? env.AWS_PROFILE ?? 'default';
  const named = await keysOfProfile({ context, home, profiles }, name, region, []);
  if (named || (profile === undefined && env.AWS_PROFILE === undefined)) return named;
  throw new CloudError(`the profile "${name}" is not in ${files.join(' or ')}, or has no keys`);
}

/** By the word of `credential_source`. */
const credentialSources: Readonly<Record<string, Source>> = {
  Environment: fromEnvironment,
  Ec2InstanceMetadata: fromMetadata,
  EcsContainer: fromContainer,
};

interface ProfileFiles {
  context: CloudContext;
  home: string;
  profiles: Profiles;
}

async function keysOfProfile(
  files: ProfileFiles,
  name: string,
  region: string,
  seen: readonly string[],
): Promise<Keys | null> {
  const { context, home, profiles } = files;
  const own = profiles.get(name);
  if (!own || seen.includes(name)) return null;
  const role = own.get('role_arn');
  const at = own.get('region') ?? region;
  if (role) {
    const token_file = own.get('web_identity_token_file');
    if (token_file) {
      const auth = { method: 'web_identity', role_arn: role, token_file } as const;
      return await fromWebIdentity(context, auth, at);
    }
    const source = own.get('source_profile');
    const word = own.get('credential_source') ?? '';
    const named = Object.hasOwn(credentialSources, word) ? credentialSources[word] : null;
    const keys = source
      ? await keysOfProfile(files, source, region, [...seen, name])
      : await named?.(context, { method: 'profile' }, at);
    if (keys) return await assumeRole(context, keys.value, role, at);
    if (source || named) return null;
  }
  const signedIn = await ssoKeys(context, home, profiles, name);
  if (signedIn) return signedIn;
  const [id, secret] = [own.get('aws_access_key_id'), own.get('aws_secret_access_key')];
  if (id && secret) {
    const sessionToken = own.get('aws_session_token') ?? null;
    return { value: { accessKeyId: id, secretAccessKey: secret, sessionToken }, expiresAt: null };
  }
  const command = own.get('credential_process');
  return command ? await fromProcess(context, command, name) : null;
}

/** By a command of the operator's, in the form that AWS's tools read. */
async function fromProcess(context: CloudContext, command: string, name: string): Promise<Keys> {
  const what = `the output of the credential_process of the profile "${name}"`;
  const said = jsonObject(await runCredentialProcess(context, command, name), what);
  if (said.Version !== 1) throw new CloudError(`${what} has no "Version" of 1`);
  const keys = readKeys({ ...said, Token: said.SessionToken }, what);
  if (keys.expiresAt === null || keys.expiresAt > context.now()) return keys;
  throw new CloudError(`${what} has expired`);
}

/** A token in a file, as Kubernetes gives one to a pod, is exchanged for keys of a role. */
async function fromWebIdentity(
  context: CloudContext,
  { role_arn, token_file }: ProviderAuth,
  region: string,
): Promise<Keys | null> {
  const { env } = context;
  const role = role_arn ?? env.AWS_ROLE_ARN;
  const file = token_file ?? env.AWS_WEB_IDENTITY_TOKEN_FILE;
  if (!role || !file) return null;
  const token = await readToken(context, file);
  const fields = {
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: sessionName(env),
    WebIdentityToken: token,
  };
  const url = stsUrl(env, region);
  return keysInXml(await askCloud(context, 'the token service of AWS', { ...form(fields), url }));
}

async function assumeRole(
  context: CloudContext,
  keys: AwsKeys,
  role: string,
  region: string,
): Promise<Keys> {
  const fields = {
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: sessionName(context.env),
  };
  const url = stsUrl(context.env, region);
  const { host, pathname } = new URL(url);
  const { method, headers, body } = form(fields);
  const sign = signAws(keys, { region, service: 'sts' });
  const signed = sign({ method, host, path: pathname, headers, body }, context.now());
  const request = { method, body, url, headers: [...headers, ...signed] };
  return keysInXml(await askCloud(context, 'the token service of AWS', request));
}

function sessionName(env: CloudContext['env']): string {
  return env.AWS_ROLE_SESSION_NAME || 'llmproxy';
}

function stsUrl(env: CloudContext['env'], region: string): string {
  return env.AWS_ENDPOINT_URL_STS ?? `https://sts.${region}.amazonaws.com/`;
}

function keysInXml(xml: string): Keys {
  const read = (name: string) => new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml)?.[1] ?? '';
  const what = 'the answer of the token service of AWS';
  return readKeys(
    {
      AccessKeyId: read('AccessKeyId'),
      SecretAccessKey: read('SecretAccessKey'),
      Token: read('SessionToken'),
      Expiration: read('Expiration'),
    },
    what,
  );
}

/** The address that ECS, EKS and Greengrass give to a container. */
async function fromContainer(context: CloudContext): Promise<Keys | null> {
  const { env } = context;
  const relative = env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI;
  const url = relative ? `http://169.254.170.2${relative}` : env.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  if (!url) return null;
  const file = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE;
  const token = file ? await readToken(context, file) : env.AWS_CONTAINER_AUTHORIZATION_TOKEN;
  const what = 'the credentials service of the container';
  const headers = token ? ['authorization', token] : [];
  const request = { method: 'GET', url, headers, isLocalService: true } as const;
  return readKeys(await askCloudForJson(context, what, request), what);
}

const tokenSeconds = '21600';

/** The metadata service of EC2, version 2 only: each request needs a token. */
async function fromMetadata(context: CloudContext): Promise<Keys | null> {
  const { env } = context;
  if (env.AWS_EC2_METADATA_DISABLED === 'true') return null;
  const base = (env.AWS_EC2_METADATA_SERVICE_ENDPOINT ?? 'http://169.254.169.254').replace(
    /\/+$/,
    '',
  );
  const what = 'the metadata service of EC2';
  const token = await askCloud(context, what, {
    method: 'PUT',
    url: `${base}/latest/api/token`,
    headers: ['x-aws-ec2-metadata-token-ttl-seconds', tokenSeconds],
    isLocalService: true,
  });
  const get = (path: string) => ({
    method: 'GET' as const,
    url: `${base}/latest/meta-data/iam/security-credentials/${path}`,
    headers: ['x-aws-ec2-metadata-token', token],
    isLocalService: true,
  });
  const role = (await askCloud(context, what, get(''))).trim().split('\n')[0] ?? '';
  return readKeys(await askCloudForJson(context, what, get(encodeURIComponent(role))), what);
}

function readKeys(from: Readonly<Record<string, unknown>>, what: string): Keys {
  return {
    value: {
      accessKeyId: textOf(from, 'AccessKeyId', what),
      secretAccessKey: textOf(from, 'SecretAccessKey', what),
      sessionToken: typeof from.Token === 'string' && from.Token !== '' ? from.Token : null,
    },
    expiresAt: timeOf(from.Expiration),
  };
}
