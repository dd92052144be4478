import { type Configuration, newProvider, type Provider } from '../config/configuration.js';
import { keep } from '../config/documents/document-schema.js';
import { addedProblems } from '../config/problem.js';
import { providerProblems } from '../config/provider-problems.js';
import { secretParamsOf, withSecretParams } from '../config/secrets/secret-columns.js';
import { SecretError } from '../config/secrets/secret-store.js';
import { deleteProvider as deleteRow } from '../db/queries/providers/delete-provider.js';
import { getProvider } from '../db/queries/providers/get-provider.js';
import { insertProvider } from '../db/queries/providers/insert-provider.js';
import { updateProvider as updateRow } from '../db/queries/providers/update-provider.js';
import type { ProviderInput, ProviderRow } from '../db/queries/rows.js';
import { GatewayError } from '../errors.js';
import type { ChangeAuthor, ChangeControl } from './change-control.js';
import { commit, refuseProblems, refuseUnusable } from './commit.js';
import { mergePatch } from './merge-patch.js';
import { query } from './query.js';
import { refusedSecrets } from './refused-secrets.js';

export interface ChangedProvider {
  version: number;
  row: ProviderRow;
}

const needed = { provider_key: '', api_base: '', api_key: '' };

/** @throws GatewayError `invalid_request`, `conflict`, `invalid_configuration`. */
export async function createProvider(
  control: ChangeControl,
  author: ChangeAuthor,
  fields: Partial<ProviderInput>,
): Promise<ChangedProvider> {
  const input: ProviderInput = { ...newProvider, ...needed, ...fields };
  check(control, author, { before: null, written: input, after: input });
  await refuseUnusable(control, author, (rows) => withProvider(rows, input, null));
  const sealed = await orRefusal(query(control, (sql) => control.secrets.seal(sql, input)));
  const { result, version } = await commit(control, author, (sql) =>
    insertProvider(sql, { ...input, ...sealed }),
  );
  return { version, row: result };
}

/**
 * Changes the given fields of a provider.
 * @param merges whether `model_mapping` and `provider_params` are merged into the stored ones as RFC
 *   7396 says, instead of replacing them; objects that become empty are removed.
 * @throws GatewayError `not_found`, `invalid_request`, `conflict`, `invalid_configuration`.
 */
export async function updateProvider(
  control: ChangeControl,
  author: ChangeAuthor,
  id: number,
  fields: Partial<ProviderInput>,
  merges: boolean,
): Promise<ChangedProvider> {
  const before = await existingProvider(control, id);
  const changes = merges ? merged(before, fields) : fields;
  const after = { ...before, ...changes };
  const written = merges ? withKept(changes, before) : changes;
  check(control, author, { before, written, after });
  await refuseUnusable(control, author, (rows) => withProvider(rows, after, before.provider_key));
  const sealing = query(control, (sql) => control.secrets.sealChange(sql, before, after));
  const sealed = await orRefusal(sealing);
  const { result, version } = await commit(
    control,
    author,
    async (sql) => (await updateRow(sql, id, { ...changes, ...sealed })) ?? notFound(id),
  );
  return { version, row: result };
}

/** @throws GatewayError `not_found`, `invalid_configuration`. */
export async function deleteProvider(
  control: ChangeControl,
  author: ChangeAuthor,
  id: number,
): Promise<void> {
  const { provider_key } = await existingProvider(control, id);
  await refuseUnusable(control, author, (rows) => withProvider(rows, null, provider_key));
  await commit(control, author, async (sql) => {
    if (!(await deleteRow(sql, id))) notFound(id);
  });
}

/** @throws GatewayError `not_found`. */
export async function existingProvider(
  control: Pick<ChangeControl, 'active' | 'sql'>,
  id: number,
): Promise<ProviderRow> {
  const row = await query(control, (sql) => getProvider(sql, id));
  return row ?? notFound(id);
}

interface Rows {
  before: ProviderRow | null;
  written: Partial<ProviderInput>;
  after: ProviderInput;
}

function check(
  { settings }: ChangeControl,
  { isCommand }: ChangeAuthor,
  { before, written, after }: Rows,
): void {
  const problems = (row: ProviderInput) =>
    providerProblems(row as Provider, 'request', settings.upstream.private_addresses);
  const { provider_key } = after;
  const known = before ? problems({ ...before, provider_key }) : [];
  const at = `providers.${provider_key}`;
  refuseProblems(addedProblems(problems(after), known), at);
  if (written.api_key === keep) {
    const reason = `must be the key itself or a reference to it: "${keep}" is for documents`;
    refuseProblems([{ source: 'request', path: `${at}.api_key`, reason }], at);
  }
  if (isCommand) return;
  const refused = refusedSecrets(before, written, settings.secrets);
  refuseProblems(
    refused.map(({ field, reason }) => ({ source: 'request', path: `${at}.${field}`, reason })),
    at,
  );
}

/** The columns after a merge. */
function merged(before: ProviderRow, fields: Partial<ProviderInput>): Partial<ProviderInput> {
  const { model_mapping, provider_params } = fields;
  return {
    ...fields,
    ...(model_mapping && {
      model_mapping: mergePatch(before.model_mapping, model_mapping) as Record<string, string>,
    }),
    ...(provider_params && {
      provider_params: mergePatch(before.provider_params, provider_params),
    }),
  };
}

/** The columns with `keep` in place of the secret parameters that a merge leaves as they are. */
function withKept(changes: Partial<ProviderInput>, before: ProviderRow): Partial<ProviderInput> {
  const { provider_params } = changes;
  if (!provider_params) return changes;
  const stored = secretParamsOf(before);
  const kept = [...secretParamsOf({ provider_params })].map(
    ([path, value]) => [path, value === stored.get(path) ? keep : value] as const,
  );
  return { ...changes, provider_params: withSecretParams({ provider_params }, new Map(kept)) };
}

async function orRefusal<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    const message = `api_key: ${error.message}`;
    throw new GatewayError('invalid_configuration', message, { param: 'api_key', cause: error });
  }
}

/** The rows with this provider in place of the one with that key. */
function withProvider(
  rows: Configuration,
  provider: ProviderInput | null,
  replaced: string | null,
): Configuration {
  const others = rows.providers.filter(({ provider_key }) => provider_key !== replaced);
  const added = provider ? [provider as Provider] : [];
  return { ...rows, providers: [...others, ...added] };
}

function notFound(id: number): never {
  throw new GatewayError('not_found', `There is no provider with id ${id}.`, { param: 'id' });
}
