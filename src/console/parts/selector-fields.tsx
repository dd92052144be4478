import type { Selectors } from '../lib/answers.js';
import { t } from '../lib/words.js';
import { TextField } from './field.js';

const names = [
  ['team', 'Team'],
  ['key', 'Key'],
  ['user', 'User'],
  ['tag', 'Tag'],
  ['model', 'Model'],
  ['provider', 'Provider'],
] as const;

interface SelectorFieldsProps {
  value: Selectors;
  onChange: (value: Selectors) => void;
}

/** Selects the requests that something applies to. */
export function SelectorFields({ value, onChange }: SelectorFieldsProps) {
  const set = (name: keyof Selectors, text: string) => {
    const { [name]: _, ...others } = value;
    onChange(text === '' ? others : { ...others, [name]: text });
  };
  return (
    <fieldset>
      <legend>{t('Whose requests')}</legend>
      <div class="grid narrow">
        {names.map(([name, title]) => (
          <TextField
            key={name}
            label={t(title)}
            value={value[name] ?? ''}
            onInput={(text) => set(name, text)}
          />
        ))}
      </div>
      <p class="muted small">
        {t(
          'Of several all must match; empty is all requests. * stands for any characters of a model.',
        )}
      </p>
    </fieldset>
  );
}

/** The same in a few words. */
export function selectorsText(selectors: Selectors): string {
  const given = names.flatMap(([name, title]) => {
    const value = selectors[name];
    return value === undefined ? [] : [`${t(title)} ${value}`];
  });
  return given.join(', ') || t('all requests');
}
