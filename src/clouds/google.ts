import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ProviderAuth } from '../config/configuration.js';
import { CloudError } from './cloud-error.js';
import {
  askCloud,
  askCloudForJson,
  type CloudContext,
  type Expiring,
  expiryIn,
  form,
  jsonObject,
  textOf,
  timeOf,
} from './token-request.js';

type Token = Expiring<string>;
type Json = Readonly<Record<string, unknown>>;

const scope = 'https://www.googleapis.com/auth/cloud-platform';
const lifetimeSeconds = 3_600;
const service = 'the token service of Google';

/**
 * Fetches an access token of Google Cloud, from the JSON in `api_key` or by `auth`.
 * @throws CloudError naming what is missing or who refuses.
 */
export async function googleToken(
  context: CloudContext,
  method: ProviderAuth['method'],
  apiKey: string,
): Promise<Token> {
  if (method === 'metadata') return await fromMetadata(context);
  if (method === 'environment') return await fromEnvironment(context);
  return await fromJson(context, jsonObject(apiKey, 'the JSON of credentials'));
}

/** Looks where Google's libraries look: a file named by a variable, gcloud's, the metadata server. */
async function fromEnvironment(context: CloudContext): Promise<Token> {
  const { env, readFile } = context;
  const named = env.GOOGLE_APPLICATION_CREDENTIALS;
  if (named) {
    const text = await readFile(named).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new CloudError(`the variable GOOGLE_APPLICATION_CREDENTIALS ${why}`);
    });
    return await fromJson(context, jsonObject(text, named));
  }
  const folder = env.CLOUDSDK_CONFIG ?? join(env.HOME ?? homedir(), '.config/gcloud');
  const file = join(folder, 'application_default_credentials.json');
  const text = await readFile(file).catch(() => null);
  return text === null
    ? await fromMetadata(context)
    : await fromJson(context, jsonObject(text, file));
}

async function fromJson(context: CloudContext, json: Json): Promise<Token> {
  switch (json.type) {
    case 'service_account':
      return await ofServiceAccount(context, json);
    case 'authorized_user':
      return await ofUser(context, json);
    case 'external_account':
      return await ofExternalAccount(context, json);
    default:
      throw new CloudError(
        'the JSON of credentials must be of type service_account, external_account or authorized_user',
      );
  }
}

/** RFC 7523: a signed assertion is exchanged for a token. */
async function ofServiceAccount(context: CloudContext, json: Json): Promise<Token> {
  const what = 'the service account';
  const url = tokenUri(json);
  const seconds = Math.floor(context.now() / 1_000);
  const header = { alg: 'RS256', typ: 'JWT', kid: json.private_key_id };
  const claims = {
    iss: textOf(json, 'client_email', what),
    scope,
    aud: url,
    iat: seconds,
    exp: seconds + lifetimeSeconds,
  };
  const signed = `${base64url(header)}.${base64url(claims)}`;
  const key = privateKey(textOf(json, 'private_key', what));
  const assertion = `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`;
  const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
  return await exchanged(context, url, { grant_type, assertion });
}

async function ofUser(context: CloudContext, json: Json): Promise<Token> {
  const what = 'the JSON of credentials';
  return await exchanged(context, tokenUri(json), {
    grant_type: 'refresh_token',
    client_id: textOf(json, 'client_id', what),
    client_secret: textOf(json, 'client_secret', what),
    refresh_token: textOf(json, 'refresh_token', what),
  });
}

/** Workload identity federation (RFC 8693): the token of another issuer is exchanged. */
async function ofExternalAccount(context: CloudContext, json: Json): Promise<Token> {
  const what = 'the external account';
  const token = await exchanged(context, textOf(json, 'token_url', what), {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    audience: textOf(json, 'audience', what),
    scope,
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token_type: textOf(json, 'subject_token_type', what),
    subject_token: await subjectToken(context, json.credential_source),
  });
  const account = json.service_account_impersonation_url;
  if (typeof account !== 'string') return token;
  const answer = await askCloudForJson(context, service, {
    method: 'POST',
    url: account,
    headers: ['authorization', `Bearer ${token.value}`, 'content-type', 'application/json'],
    body: JSON.stringify({ scope: [scope], lifetime: `${lifetimeSeconds}s` }),
  });
  return { value: textOf(answer, 'accessToken', service), expiresAt: timeOf(answer.expireTime) };
}

/** From a file or an address; either may be JSON with the token in a member. */
async function subjectToken(context: CloudContext, source: unknown): Promise<string> {
  const what = 'the credential source of the external account';
  const { file, url, headers, format } = (source ?? {}) as Record<string, unknown>;
  let text: string;
  if (typeof file === 'string') {
    text = await context.readFile(file).catch((error: unknown) => {
      throw new CloudError(`${what} ${error instanceof Error ? error.message : error}`);
    });
  } else if (typeof url === 'string') {
    const sent = Object.entries((headers ?? {}) as Json).map(([name, value]) => [
      name.toLowerCase(),
      String(value),
    ]);
    text = await askCloud(context, what, { method: 'GET', url, headers: sent.flat() });
  } else throw new CloudError(`${what} names neither a file nor a url`);
  const { type, subject_token_field_name: field } = (format ?? {}) as Record<string, unknown>;
  if (type !== 'json') return text.trim();
  return textOf(jsonObject(text, what), String(field), what);
}

async function exchanged(
  context: CloudContext,
  url: string,
  fields: Readonly<Record<string, string>>,
): Promise<Token> {
  return readToken(
    context,
    await askCloudForJson(context, service, { ...form(fields), url }),
    service,
  );
}

async function fromMetadata(context: CloudContext): Promise<Token> {
  const host = context.env.GCE_METADATA_HOST ?? 'metadata.google.internal';
  const what = 'the metadata server of Google Cloud';
  const answer = await askCloudForJson(context, what, {
    method: 'GET',
    url: `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`,
    headers: ['metadata-flavor', 'Google'],
    isLocalService: true,
  });
  return readToken(context, answer, what);
}

function readToken({ now }: CloudContext, answer: Json, what: string): Token {
  const value = textOf(answer, 'access_token', what);
  return { value, expiresAt: expiryIn(answer.expires_in, now()) };
}

function tokenUri(json: Json): string {
  const { token_uri } = json;
  return typeof token_uri === 'string' ? token_uri : 'https://oauth2.googleapis.com/token';
}

function privateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new CloudError('the service account has a private_key that is no PEM');
  }
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
