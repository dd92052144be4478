import type { Task } from '../../lib/task.js';
import { t } from '../../lib/words.js';
import { Failure } from '../state.js';

interface FormActionsProps {
  task: Task;
  /** Text of the button that sends the form. */
  submit: string;
  /** Parameters whose errors the form shows beside their fields. */
  fields?: readonly string[];
  isDangerous?: boolean;
  /** False while what is needed is missing. */
  isReady?: boolean;
  onCancel: () => void;
}

/** The end of a form in a dialog: its error, and the buttons to cancel and submit. */
export function FormActions(props: FormActionsProps) {
  const { task, submit, fields = [], isDangerous = false, isReady = true, onCancel } = props;
  return (
    <>
      {task.error && !fields.includes(task.error.param ?? '') && <Failure error={task.error} />}
      <div class="line end">
        <button type="button" onClick={onCancel}>
          {t('Cancel')}
        </button>
        <button
          type="submit"
          class={isDangerous ? 'primary danger' : 'primary'}
          disabled={task.isBusy || !isReady}
        >
          {submit}
        </button>
      </div>
    </>
  );
}
