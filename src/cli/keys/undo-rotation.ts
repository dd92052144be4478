import type { HistoryEntry } from '../../db/queries/configuration/config-history.js';
import { GatewayError } from '../../errors.js';
import type { AdminApi } from '../admin-api.js';
import { CliError, errorMessage } from '../failure.js';

/**
 * Undoes the rotation of a key by restoring the previous version.
 * @throws CliError if something else has changed since.
 */
export async function undoRotation(api: AdminApi, name: string): Promise<void> {
  const { versions } = await api.ask<{ versions: HistoryEntry[] }>(
    'GET',
    '/config/history?limit=1',
  );
  const [last] = versions;
  const [change] = last?.changes ?? [];
  if (last?.changes_count !== 1 || change?.kind !== 'key' || change.name !== name) {
    throw notUndone(name, 'something else has changed since');
  }
  const { version } = last;
  const body = {
    version: version - 1,
    base_version: version,
    message: 'the new key could not be shown',
  };
  await api.ask('POST', '/config/rollback', body).catch((error: unknown) => {
    throw error instanceof GatewayError ? notUndone(name, errorMessage(error)) : error;
  });
}

function notUndone(name: string, reason: string): CliError {
  return new CliError(`key ${name} was rotated, but its new value could not be shown: ${reason}`, {
    hint: `give it another: llmproxy keys rotate ${name}`,
  });
}
