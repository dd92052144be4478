import { useState } from 'preact/hooks';
import type { Team } from '../../lib/answers.js';
import { wordsIn } from '../../lib/word-list.js';
import { t } from '../../lib/words.js';
import { Check, SelectField, TextField } from './field.js';

export type CacheRules = NonNullable<Team['cache']>;
type Mode = CacheRules['mode'] | 'none';

const modeTexts = {
  on: 'On: all suitable requests',
  ask: 'On request: those with the header x-llmproxy-cache: on',
  off: 'Off',
} as const;

interface CacheFieldsProps {
  value: CacheRules | null;
  /** Meaning of no rules. */
  none: string;
  onChange: (value: CacheRules | null) => void;
}

/** Cache rules of a key or team: which answers, shared with whom, for how long. */
export function CacheFields({ value, none, onChange }: CacheFieldsProps) {
  const [models, setModels] = useState(value?.models?.join(', ') ?? '');
  const set = (changes: { [Name in keyof CacheRules]?: CacheRules[Name] | undefined }) => {
    if (!value) return;
    const all = Object.entries({ ...value, ...changes }).filter(([, one]) => one !== undefined);
    onChange(Object.fromEntries(all) as object as CacheRules);
  };
  const isCaching = value !== null && value.mode !== 'off';
  return (
    <fieldset>
      <legend>{t('Cached answers')}</legend>
      <SelectField<Mode>
        label={t('Answers are cached')}
        value={value?.mode ?? 'none'}
        of={[
          ['none', none],
          ...Object.entries(modeTexts).map(([mode, text]) => [mode as Mode, t(text)] as const),
        ]}
        onChange={(mode) => onChange(mode === 'none' ? null : { ...value, mode })}
      />
      {isCaching && (
        <>
          <div class="grid narrow">
            <SelectField
              label={t('Shared with')}
              value={value.scope ?? 'key'}
              of={[
                ['key', t('requests of the same key')],
                ['team', t('its team')],
                ['all', t('all keys that share so')],
              ]}
              onChange={(scope) => set({ scope })}
            />
            <SelectField
              label={t('Which requests')}
              value={value.requests ?? 'deterministic'}
              of={[
                ['deterministic', t('without chance: temperature 0, a seed, embeddings')],
                ['all', t('all')],
              ]}
              onChange={(requests) => set({ requests })}
            />
            <TextField
              label={t('Seconds')}
              type="number"
              value={value.ttl_ms === undefined ? '' : String(value.ttl_ms / 1_000)}
              onInput={(text) =>
                set({ ttl_ms: text === '' ? undefined : Math.round(Number(text) * 1_000) })
              }
              hint={t('For which an answer is given again; empty as the settings say.')}
            />
            <TextField
              label={t('Only these models')}
              value={models}
              onInput={(text) => {
                setModels(text);
                const named = wordsIn(text);
                set({ models: named.length === 0 ? undefined : named });
              }}
              hint={t('Separated by commas; empty is all.')}
            />
          </div>
          <Check
            label={t('One of equal requests at once asks the provider; the others get its answer')}
            isChecked={value.single_flight === true}
            onChange={(single_flight) => set({ single_flight })}
          />
        </>
      )}
    </fieldset>
  );
}

/** The same in a few words. @param none the meaning of no rules. */
export function cacheText(rules: CacheRules | null, none: string): string {
  if (!rules) return none;
  const { mode, scope = 'key', ttl_ms, models } = rules;
  if (mode === 'off') return t('off');
  return [
    t(mode === 'on' ? 'on' : 'on request'),
    t(scope === 'all' ? 'shared by all' : scope === 'team' ? 'shared in the team' : 'per key'),
    ...(ttl_ms === undefined ? [] : [`${ttl_ms / 1_000} s`]),
    ...(models ? [models.join(', ')] : []),
  ].join(', ');
}
