import type { ComponentChildren } from 'preact';
import { call } from '../lib/api.js';
import { useTask } from '../lib/task.js';
import { t } from '../lib/words.js';
import { Confirm } from './dialog.js';
import { toast } from './toast.js';

interface DeleteDialogProps {
  name: string;
  /** Below `/admin/v1/`. */
  path: string;
  onClose: () => void;
  /** After it is deleted; by default `onClose`. */
  onDone?: () => void;
  /** The consequences. */
  children: ComponentChildren;
}

/** Asks before a row of the configuration is deleted, and deletes it. */
export function DeleteDialog({
  name,
  path,
  onClose,
  onDone = onClose,
  children,
}: DeleteDialogProps) {
  const task = useTask();
  const remove = async () => {
    if (!(await task.run(() => call(`${path}?wait=active`, { method: 'DELETE' })))) return;
    toast(t('{name} is deleted', { name }));
    onDone();
  };
  return (
    <Confirm
      title={t('Delete {name}', { name })}
      confirm={t('Delete')}
      isBusy={task.isBusy}
      error={task.error}
      onConfirm={() => void remove()}
      onClose={onClose}
    >
      {children}
    </Confirm>
  );
}
