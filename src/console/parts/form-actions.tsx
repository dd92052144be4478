import type { Task } from '../lib/task.js';
import { t } from '../lib/words.js';
import { Failure } from './state.js';

interface FormActionsProps {
  task: Task;
  /** Text of the button that sends the form. */
  submit: string;
  /** Parameters whose errors the form shows beside their fields. */
  fields?: readonly string[];
  onCancel: () => void;
}

/** The end of a form in a dialog: its error, and the buttons to cancel and submit. */
export function FormActions({ task, submit, fields = [], onCancel }: FormActionsProps) {
  return (
    <>
      {task.error && !fields.includes(task.error.param ?? '') && <Failure error={task.error} />}
      <div class="line end">
        <button type="button" onClick={onCancel}>
          {t('Cancel')}
        </button>
        <button type="submit" class="primary" disabled={task.isBusy}>
          {submit}
        </button>
      </div>
    </>
  );
}
