import type { ProviderHealth } from '../../admin/health/provider-health.js';
import { visible } from '../../observe/visible.js';
import { withAdminApi } from '../admin-api.js';
import type { DatabaseFlags } from '../database/connection.js';
import { CliError } from '../failure.js';
import { printFields, printJson, printTable } from '../output.js';
import { withProgress } from '../progress.js';
import { duration } from '../requests/usage-view.js';
import { findProvider } from './provider-changes.js';

/** The admin API's limit. */
const maxTimeoutSeconds = 120;

/**
 * Has the gateway that the flags name test one of its providers, from its machine.
 * @param model clients' name of it; null: each in the mapping.
 * @throws CliError if a model, or the provider itself, does not answer.
 */
export async function testAtGateway(
  key: string,
  model: string | null,
  timeoutMs: number,
  flags: DatabaseFlags,
): Promise<void> {
  const health = await withAdminApi(flags, 'read', async (api) => {
    const { id } = await findProvider(api, key);
    const body = {
      models: model === null ? null : [model],
      timeout_secs: Math.min(Math.ceil(timeoutMs / 1_000), maxTimeoutSeconds),
    };
    return await withProgress(`asking ${key}`, flags.json, () =>
      api.ask<ProviderHealth>('POST', `/providers/${id}/health`, body),
    );
  });
  if (flags.json) printJson(health);
  else show(health);
  const failed = health.models.find(({ error }) => error !== null);
  const error = health.error ?? failed?.error ?? null;
  if (error === null && health.status === 'healthy') return;
  throw new CliError(`provider ${key}: ${visible(error ?? health.status)}`);
}

function show({ provider_key, status, models, avg_response_time_ms }: ProviderHealth): void {
  if (models.length === 0) {
    printFields([
      ['provider', provider_key],
      ['status', status],
      ['took', duration(avg_response_time_ms)],
    ]);
    return;
  }
  printTable(models, [
    { header: 'MODEL', value: (each) => each.model, shrinkTo: 12, isName: true },
    { header: 'STATUS', value: (each) => each.status },
    { header: 'TOOK', value: (each) => duration(each.response_time_ms), align: 'right' },
    { header: 'ERROR', value: (each) => each.error ?? '-', shrinkTo: 20 },
  ]);
}
