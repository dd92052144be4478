import { hash } from 'node:crypto';
import { join } from 'node:path';
import type { AwsKeys } from '../providers/sigv4.js';
import type { Profiles } from './aws-profiles.js';
import { CloudError } from './cloud-error.js';
import {
  askCloudForJson,
  type CloudContext,
  type Expiring,
  expiryIn,
  jsonObject,
  textOf,
  timeOf,
} from './token-request.js';

/** A sign-in to IAM Identity Center, as profiles and AWS's tools name it. */
interface Session {
  /** Part of the name of the file that holds its token. */
  key: string;
  region: string;
}

/** A token of that sign-in, in the form of AWS's tools. */
type Token = Record<string, unknown>;

/** A token is renewed this long before it expires. */
const marginMs = 300_000;

/** The file in which AWS's tools keep the token of `aws sso login`. */
function cacheFile(home: string, { key }: Session): string {
  return join(home, '.aws/sso/cache', `${hash('sha1', key)}.json`);
}

/**
 * Keys of the account and role of a profile of IAM Identity Center, by the token that `aws sso login`
 * has left on this machine.
 * @param name of the profile, for messages.
 * @returns null for a profile of another kind.
 * @throws CloudError
 */
export async function ssoKeys(
  context: CloudContext,
  home: string,
  profiles: Profiles,
  name: string,
): Promise<Expiring<AwsKeys> | null> {
  const own = profiles.get(name);
  const account = own?.get('sso_account_id');
  const role = own?.get('sso_role_name');
  if (!own || !account || !role) return null;
  const session = sessionOf(profiles, name);
  const token = await validToken(context, cacheFile(home, session), session, name);
  const base =
    context.env.AWS_ENDPOINT_URL_SSO ?? `https://portal.sso.${session.region}.amazonaws.com`;
  const query = new URLSearchParams({ account_id: account, role_name: role });
  const what = 'IAM Identity Center';
  const answer = await askCloudForJson(context, what, {
    method: 'GET',
    url: `${base.replace(/\/+$/, '')}/federation/credentials?${query}`,
    headers: ['x-amz-sso_bearer_token', token],
  });
  const from = answer.roleCredentials;
  if (typeof from !== 'object' || from === null) {
    throw new CloudError(`the answer of ${what} has no "roleCredentials"`);
  }
  const keys = from as Record<string, unknown>;
  return {
    value: {
      accessKeyId: textOf(keys, 'accessKeyId', what),
      secretAccessKey: textOf(keys, 'secretAccessKey', what),
      sessionToken: textOf(keys, 'sessionToken', what),
    },
    // Milliseconds, where other services tell seconds.
    expiresAt: typeof keys.expiration === 'number' ? keys.expiration : null,
  };
}

/** @throws CloudError for a profile that does not say where to sign in. */
function sessionOf(profiles: Profiles, name: string): Session {
  const own = profiles.get(name);
  const session = own?.get('sso_session');
  const at = session === undefined ? own : profiles.get(`sso-session ${session}`);
  const key = session ?? at?.get('sso_start_url');
  const region = at?.get('sso_region');
  if (key !== undefined && region !== undefined) return { key, region };
  const where = session === undefined ? `profile "${name}"` : `sso-session "${session}"`;
  throw new CloudError(`the ${where} has no sso_region, or no sso_start_url`);
}

/** The access token, renewed where it has almost expired and may be. @throws CloudError */
async function validToken(
  context: CloudContext,
  file: string,
  { region }: Session,
  profile: string,
): Promise<string> {
  const login = `run: aws sso login --profile ${profile}`;
  const text = await context.readFile(file).catch((error: unknown) => {
    throw new CloudError(`${error instanceof Error ? error.message : error}; ${login}`);
  });
  const token: Token = jsonObject(text, file);
  const leftMs = (timeOf(token.expiresAt) ?? 0) - context.now();
  if (leftMs > marginMs) return textOf(token, 'accessToken', file);
  try {
    return await renewed(context, file, token, region);
  } catch (error) {
    if (leftMs > 0) return textOf(token, 'accessToken', file);
    const reason = error instanceof Error ? error.message : String(error);
    throw new CloudError(`the token of the profile "${profile}" has expired (${reason}); ${login}`);
  }
}

/** A new token, which replaces the old one for AWS's tools too. @throws CloudError */
async function renewed(
  context: CloudContext,
  file: string,
  token: Token,
  region: string,
): Promise<string> {
  const { env, now } = context;
  const body = JSON.stringify({
    clientId: textOf(token, 'clientId', file),
    clientSecret: textOf(token, 'clientSecret', file),
    grantType: 'refresh_token',
    refreshToken: textOf(token, 'refreshToken', file),
  });
  const base = env.AWS_ENDPOINT_URL_SSO_OIDC ?? `https://oidc.${region}.amazonaws.com`;
  const what = 'the sign-in service of AWS';
  const answer = await askCloudForJson(context, what, {
    method: 'POST',
    url: `${base.replace(/\/+$/, '')}/token`,
    headers: ['content-type', 'application/json'],
    body,
  });
  const accessToken = textOf(answer, 'accessToken', what);
  const expiresAt = new Date(expiryIn(answer.expiresIn, now()) ?? now());
  const { refreshToken = token.refreshToken } = answer;
  const changed = { ...token, accessToken, refreshToken, expiresAt: expiresAt.toISOString() };
  // A daemon that may not write there asks again by the token that it has.
  await context.writeFile(file, JSON.stringify(changed)).catch(() => {});
  return accessToken;
}
