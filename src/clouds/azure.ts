import type { ProviderAuth } from '../config/configuration.js';
import { CloudError } from './cloud-error.js';
import {
  askCloudForJson,
  type CloudContext,
  type Expiring,
  expiryIn,
  form,
  readToken,
  textOf,
  timeOf,
} from './token-request.js';

type Token = Expiring<string>;

/** Entra ID's name for Azure's AI services. */
const resource = 'https://cognitiveservices.azure.com';

/**
 * Fetches a token of Entra ID by a method of `auth`.
 * @param secret `api_key`: the application's secret, for the method `client_secret`.
 * @throws CloudError naming what is missing or who refuses.
 */
export async function azureToken(
  context: CloudContext,
  auth: ProviderAuth,
  secret: string,
): Promise<Token> {
  if (auth.method === 'managed_identity') return await ofManagedIdentity(context, auth);
  const { env } = context;
  const tenant = needed(auth.tenant_id ?? env.AZURE_TENANT_ID, 'tenant_id');
  const client_id = needed(auth.client_id ?? env.AZURE_CLIENT_ID, 'client_id');
  const authority = env.AZURE_AUTHORITY_HOST ?? 'https://login.microsoftonline.com';
  const what = 'Entra ID';
  const proof =
    auth.method === 'client_secret'
      ? { client_secret: secret }
      : {
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: await readToken(
            context,
            needed(auth.token_file ?? env.AZURE_FEDERATED_TOKEN_FILE, 'token_file'),
          ),
        };
  const answer = await askCloudForJson(context, what, {
    ...form({
      grant_type: 'client_credentials',
      client_id,
      scope: `${resource}/.default`,
      ...proof,
    }),
    url: `${authority.replace(/\/+$/, '')}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`,
  });
  return {
    value: textOf(answer, 'access_token', what),
    expiresAt: expiryIn(answer.expires_in, context.now()),
  };
}

/** From App Service and its like, by an address in variables; else from the metadata service. */
async function ofManagedIdentity(
  context: CloudContext,
  { client_id }: ProviderAuth,
): Promise<Token> {
  const { env } = context;
  const what = 'the service of managed identities';
  const base = env.AZURE_POD_IDENTITY_AUTHORITY_HOST ?? 'http://169.254.169.254';
  const { IDENTITY_ENDPOINT, IDENTITY_HEADER } = env;
  const isApp = IDENTITY_ENDPOINT !== undefined && IDENTITY_HEADER !== undefined;
  const at = isApp
    ? IDENTITY_ENDPOINT
    : `${base.replace(/\/+$/, '')}/metadata/identity/oauth2/token`;
  const query = new URLSearchParams({
    'api-version': isApp ? '2019-08-01' : '2018-02-01',
    resource,
    ...(client_id !== undefined && { client_id }),
  });
  const answer = await askCloudForJson(context, what, {
    method: 'GET',
    url: `${at}?${query}`,
    headers: isApp ? ['x-identity-header', IDENTITY_HEADER] : ['metadata', 'true'],
    isLocalService: true,
  });
  return {
    value: textOf(answer, 'access_token', what),
    expiresAt: timeOf(answer.expires_on) ?? expiryIn(answer.expires_in, context.now()),
  };
}

function needed(value: string | undefined, name: string): string {
  if (value) return value;
  throw new CloudError(`provider_params.auth.${name} is missing`);
}
