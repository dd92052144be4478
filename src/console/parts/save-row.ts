import { call } from '../lib/api.js';
import type { Task } from '../lib/task.js';
import { t } from '../lib/words.js';
import { toast } from './toast.js';

/**
 * Creates a row of the configuration, or changes one, waits until it is in use, and says so.
 * @param section below `/admin/v1/`.
 * @param id as its path names it; null to create one.
 * @returns true where it succeeded.
 */
export async function saveRow(
  task: Task,
  section: string,
  id: string | number | null,
  body: { name: string },
): Promise<boolean> {
  const path = id === null ? section : `${section}/${encodeURIComponent(id)}`;
  const method = id === null ? 'POST' : 'PUT';
  if (!(await task.run(() => call(`${path}?wait=active`, { method, body })))) return false;
  toast(t('{name} is saved and in use', { name: body.name }));
  return true;
}
