import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  wrong?: string | null;
  children: (ids: {
    id: string;
    'aria-describedby': string;
    'aria-invalid': boolean;
  }) => ComponentChildren;
}

/** A form's field: label, control, and below it the error or the hint. */
function Field({ label, hint, wrong = null, children }: FieldProps) {
  const id = useId();
  const about = `${id}-about`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, 'aria-describedby': about, 'aria-invalid': wrong !== null })}
      <div id={about} class={wrong === null ? 'hint' : 'wrong'}>
        {wrong ?? hint}
      </div>
    </div>
  );
}

interface TextFieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: ComponentChildren;
  wrong?: string | null;
  type?: 'text' | 'password' | 'number' | 'date' | 'url';
  placeholder?: string;
  isRequired?: boolean;
  hasFocus?: boolean;
  rows?: number;
}

export function TextField(props: TextFieldProps) {
  const { label, value, onInput, hint, wrong = null, type = 'text', placeholder, rows } = props;
  const shared = {
    value,
    placeholder,
    required: props.isRequired === true,
    autocomplete: 'off',
    spellcheck: false,
    onInput: (event: Event) => onInput((event.currentTarget as HTMLInputElement).value),
  };
  return (
    <Field label={label} hint={hint} wrong={wrong}>
      {(ids) =>
        rows ? (
          <textarea {...ids} {...shared} rows={rows} class="mono" />
        ) : (
          <input {...ids} {...shared} type={type as 'text'} autofocus={props.hasFocus === true} />
        )
      }
    </Field>
  );
}
