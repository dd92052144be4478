import { call } from '../lib/api.js';
import type { Task } from '../lib/task.js';
import { t } from '../lib/words.js';
import { toast } from './toast.js';

/**
 * Creates or changes a row of the configuration, waits until it is in use, and reports it.
 * @param section below `/admin/v1/`.
 * @param id in its path; null to create one.
 * @returns true on success.
 */
export async function saveRow(
  task: Task,
  section: string,
  id: string | number | null,
  body: { name: string },
): Promise<boolean> {
  const path = id === null ? section : `${section}/${encodeURIComponent(id)}`;
  const method = id === null ? 'POST' : 'PUT';
  return await task.run(async () => {
    const answer = await call<{ warnings?: string[] }>(`${path}?wait=active`, { method, body });
    const { name } = body;
    const warning = answer.warnings?.join('; ');
    toast(
      warning
        ? t('{name} is saved, but {warning}', { name, warning })
        : t('{name} is saved and in use', { name }),
    );
  });
}
