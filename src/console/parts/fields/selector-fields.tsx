import type { Selectors } from '../../lib/answers.js';
import { t } from '../../lib/words.js';
import { NameField, TextField } from './field.js';

/** Each with its title, and the list that suggests names. */
const names = [
  ['team', 'Team', 'teams'],
  ['key', 'Key', 'credentials'],
  ['user', 'User', null],
  ['tag', 'Tag', null],
  ['model', 'Model', 'models'],
  ['provider', 'Provider', 'providers'],
] as const;

interface SelectorFieldsProps {
  value: Selectors;
  /** In place of what holds where none is given. */
  hint?: string;
  onChange: (value: Selectors) => void;
}

/** Selects the requests that something applies to. */
export function SelectorFields({ value, hint, onChange }: SelectorFieldsProps) {
  const set = (name: keyof Selectors, text: string) => {
    const { [name]: _, ...others } = value;
    onChange(text === '' ? others : { ...others, [name]: text });
  };
  return (
    <fieldset>
      <legend>{t('Whose requests')}</legend>
      <div class="grid narrow">
        {names.map(([name, title, of]) => {
          const shared = {
            label: t(title),
            value: value[name] ?? '',
            onInput: (text: string) => set(name, text),
          };
          return of === null ? (
            <TextField key={name} {...shared} />
          ) : (
            <NameField key={name} of={of} {...shared} />
          );
        })}
      </div>
      <p class="muted small">
        {hint ??
          t(
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
