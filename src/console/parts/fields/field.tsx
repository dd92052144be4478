import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import { type Named, useNames } from '../../lib/names.js';

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
  /** Id of the form that it belongs to, where it stands outside. */
  form?: string;
  /** Suggested values; others are possible. */
  list?: readonly string[];
  onFocus?: () => void;
  onBlur?: () => void;
}

export function TextField(props: TextFieldProps) {
  const { label, value, onInput, hint, wrong = null, type = 'text', placeholder, rows } = props;
  const shared = {
    value,
    placeholder,
    required: props.isRequired === true,
    ...(props.form ? { form: props.form } : {}),
    autocomplete: 'off',
    spellcheck: false,
    ...(props.onFocus ? { onFocus: props.onFocus } : {}),
    ...(props.onBlur ? { onBlur: props.onBlur } : {}),
    onInput: (event: Event) => onInput((event.currentTarget as HTMLInputElement).value),
  };
  return (
    <Field label={label} hint={hint} wrong={wrong}>
      {(ids) =>
        rows ? (
          <textarea {...ids} {...shared} rows={rows} class="mono" />
        ) : (
          <>
            <input
              {...ids}
              {...shared}
              type={type as 'text'}
              {...(type === 'number' ? { step: 'any' } : {})}
              autofocus={props.hasFocus === true}
              {...(props.list ? { list: `${ids.id}-list` } : {})}
            />
            {props.list && (
              <datalist id={`${ids.id}-list`}>
                {props.list.map((each) => (
                  <option key={each} value={each} />
                ))}
              </datalist>
            )}
          </>
        )
      }
    </Field>
  );
}

interface NameFieldProps extends Omit<TextFieldProps, 'list' | 'onFocus'> {
  /** Whose names are suggested. */
  of: Named;
}

/** A text field that suggests names, which it loads once it is used. */
export function NameField({ of, ...field }: NameFieldProps) {
  const [isUsed, setUsed] = useState(false);
  const names = useNames(isUsed ? of : null, field.value);
  return <TextField {...field} list={names} onFocus={() => setUsed(true)} />;
}

interface SelectFieldProps<Value extends string> {
  label: string;
  value: Value;
  of: readonly (readonly [Value, string])[];
  onChange: (value: Value) => void;
  hint?: ComponentChildren;
}

export function SelectField<Value extends string>(props: SelectFieldProps<Value>) {
  const { label, value, of, onChange, hint } = props;
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <select
          {...ids}
          value={value}
          onChange={(event) => onChange(event.currentTarget.value as Value)}
        >
          {of.map(([each, text]) => (
            <option key={each} value={each}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface CheckProps {
  label: string;
  hint?: string;
  isChecked: boolean;
  onChange: (isChecked: boolean) => void;
}

export function Check({ label, hint, isChecked, onChange }: CheckProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={isChecked}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>
        {label}
        {hint && <span class="hint muted small"> {hint}</span>}
      </span>
    </label>
  );
}
