import { t } from '../lib/words.js';

interface ChoicesProps<Value extends string> {
  label: string;
  value: Value;
  of: readonly (readonly [Value, string])[];
  onChange: (value: Value) => void;
}

/** One of a few values. */
export function Choices<Value extends string>({ label, value, of, onChange }: ChoicesProps<Value>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would be drawn as a box
    <div class="choices" role="group" aria-label={label}>
      {of.map(([each, text]) => (
        <button
          type="button"
          key={each}
          aria-pressed={each === value}
          onClick={() => onChange(each)}
        >
          {t(text)}
        </button>
      ))}
    </div>
  );
}
