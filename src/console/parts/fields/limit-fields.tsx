import type { Team } from '../../lib/answers.js';
import { compact } from '../../lib/format.js';
import { t } from '../../lib/words.js';
import { TextField } from './field.js';

export type Limits = Team['limits'];

/** The limits of forms and tables, in their order. */
const limits = [
  ['requests_per_minute', 'Requests per minute'],
  ['tokens_per_minute', 'Tokens per minute'],
  ['tokens_per_day', 'Tokens per day'],
  ['max_concurrency', 'Requests at once'],
] as const;

interface LimitFieldsProps {
  value: Limits;
  onChange: (value: Limits) => void;
}

/** Limits of a key or team. Limits without a field stay as they are. */
export function LimitFields({ value, onChange }: LimitFieldsProps) {
  const set = (name: (typeof limits)[number][0], text: string) => {
    const { [name]: _, ...others } = value;
    onChange(text === '' ? others : { ...others, [name]: Number(text) });
  };
  return (
    <div class="grid narrow">
      {limits.map(([name, title]) => (
        <TextField
          key={name}
          label={t(title)}
          type="number"
          value={String(value[name] ?? '')}
          onInput={(text) => set(name, text)}
          hint={t('Empty is unlimited.')}
        />
      ))}
    </div>
  );
}

/** The same in a few words; empty where nothing is limited. */
export function limitsText(value: Limits): string {
  return limits
    .flatMap(([name, title]) => {
      const amount = value[name];
      return amount === undefined ? [] : [`${t(title)}: ${compact(amount)}`];
    })
    .join(', ');
}
