import { isDeepStrictEqual } from 'node:util';
import type { ProviderAuth, ProviderParams } from '../config/configuration.js';
import { keep } from '../config/documents/document-schema.js';
import { isSealed } from '../config/secrets/secret-cipher.js';
import { originOf, receiverOf, secretParamsOf } from '../config/secrets/secret-columns.js';
import {
  type AllowedReferences,
  forbiddenFile,
  forbiddenReference,
  isJsonObject,
  isReference,
} from '../config/secrets/secret-reference.js';
import type { SecretColumns } from '../config/secrets/secret-store.js';

/** The references that the settings allow admin keys. */
export interface AllowedSecrets extends AllowedReferences {
  /** Methods of `provider_params.auth` that use the identity of the machine. */
  allowed_auth_methods: readonly string[];
}

/** A secret that an admin key may not write, with the reason. */
export interface RefusedSecret {
  field: string;
  reason: string;
}

/**
 * Finds secrets of a provider that an admin key may not write: references and files that the
 * settings do not allow, and stored secrets redirected to another origin without being given again. Users of this
 * machine are exempt.
 * @param before null for a new provider.
 * @param written the given columns; `keep` in a document counts as not given.
 */
export function refusedSecrets(
  before: SecretColumns | null,
  written: Partial<SecretColumns>,
  allowed: AllowedSecrets,
): RefusedSecret[] {
  const { api_key } = written;
  const refused: RefusedSecret[] = [];
  const after = { ...before, ...written } as SecretColumns;
  const isMoved = before !== null && receiverOf(after) !== receiverOf(before);
  if (api_key !== undefined && isSealed(api_key)) {
    refused.push({ field: 'api_key', reason: 'must be the key itself or a reference to it' });
  } else if (api_key !== undefined && isReference(api_key)) {
    const isNew = isMoved || before?.api_key !== api_key;
    const reason = isNew ? forbiddenReference(api_key, allowed) : null;
    if (reason) refused.push({ field: 'api_key', reason });
  }
  refused.push(...refusedFiles(before, written, allowed));
  const identity = machineIdentity(before, written, isMoved);
  if (identity !== null && !allowed.allowed_auth_methods.includes(identity)) {
    const reason = `must not use the identity of this machine: secrets.allowed_auth_methods does not name ${identity}`;
    refused.push({ field: 'provider_params.auth.method', reason });
  }
  if (api_key !== undefined && namesFiles(api_key)) {
    refused.push({
      field: 'api_key',
      reason: 'must not be of an external account, which names files',
    });
  }
  if (!isMoved) return refused;
  const origin = originOf(after.api_base);
  const reason =
    origin === originOf(before.api_base)
      ? 'must be given again with another proxy, which reads what is sent over HTTP'
      : `must be given again with an api_base at another origin (${origin})`;
  if (api_key === undefined || api_key === keep) refused.push({ field: 'api_key', reason });
  const { provider_params } = written;
  if (provider_params === undefined) {
    if (secretParamsOf(before).size > 0) refused.push({ field: 'provider_params', reason });
    return refused;
  }
  for (const [name, value] of secretParamsOf({ provider_params })) {
    if (value === keep) refused.push({ field: `provider_params.${name}`, reason });
  }
  return refused;
}

/** The reason that an admin key may not write a guardrail's reference to a secret, or null. */
export function refusedReference(
  before: object | null,
  after: object,
  allowed: AllowedReferences,
): string | null {
  const [old, next] = [before, after].map(referenceOf);
  if (next === undefined || next === old) return null;
  return forbiddenReference(next, allowed);
}

function referenceOf(guardrail: object | null): string | undefined {
  const config: unknown = guardrail && Reflect.get(guardrail, 'config');
  const secret: unknown = config instanceof Object ? Reflect.get(config, 'secret') : undefined;
  return typeof secret === 'string' ? secret : undefined;
}

/** New files of `provider_params.tls` outside the allowed folders. */
function refusedFiles(
  before: SecretColumns | null,
  { provider_params }: Partial<SecretColumns>,
  allowed: AllowedSecrets,
): RefusedSecret[] {
  const known = tlsFiles(before?.provider_params);
  return Object.entries(tlsFiles(provider_params)).flatMap(([name, path]) => {
    if (typeof path !== 'string' || path === known[name]) return [];
    const reason = forbiddenFile(path, allowed);
    return reason === null ? [] : [{ field: `provider_params.tls.${name}`, reason }];
  });
}

function tlsFiles(params: object | undefined): Record<string, unknown> {
  const tls: unknown = params && Reflect.get(params, 'tls');
  return tls instanceof Object ? { ...tls } : {};
}

/** The method by which a provider would use what only this machine has, where it is new; or null. */
function machineIdentity(
  before: SecretColumns | null,
  { provider_params }: Partial<SecretColumns>,
  isMoved: boolean,
): string | null {
  const auth = authOf(provider_params ?? (isMoved ? before?.provider_params : undefined));
  if (!auth || auth.method === 'api_key' || auth.method === 'client_secret') return null;
  const isKept = !isMoved && isDeepStrictEqual(auth, authOf(before?.provider_params));
  return isKept ? null : auth.method;
}

function authOf(params: object | undefined): ProviderAuth | undefined {
  return (params as ProviderParams | undefined)?.auth;
}

/** A file named in such JSON would be sent to an address that is named there, too. */
function namesFiles(key: string): boolean {
  return isJsonObject(key) && JSON.parse(key).type === 'external_account';
}
