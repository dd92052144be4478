import { useEffect, useState } from 'preact/hooks';
import type { Checked, Provider } from '../../lib/answers.js';
import { call } from '../../lib/api.js';
import { keep } from '../../lib/kept.js';
import { useLoad } from '../../lib/load.js';
import { useTask } from '../../lib/task.js';
import { t } from '../../lib/words.js';
import { CheckResult } from '../../parts/check-result.js';
import { Dialog } from '../../parts/dialog.js';
import { SelectField, TextField } from '../../parts/fields/field.js';
import { FormActions } from '../../parts/fields/form-actions.js';
import { Failure, Skeleton, State } from '../../parts/state.js';
import { toast } from '../../parts/toast.js';

/** A kind of provider or a well-known server; the field names are those of the API. */
interface Type {
  name: string;
  provider_type: string;
  api_base: string | null;
  provider_params: object;
}

interface ProviderFormProps {
  /** Null to add one. */
  provider: Provider | null;
  /** It is in use, and the dialog tests it. */
  onSaved: () => void;
  onClose: () => void;
}

/** Adds or edits a provider, and tests it. */
export function ProviderForm({ provider, onSaved, onClose }: ProviderFormProps) {
  const types = useLoad<{ types: Type[] }>('provider-types').data?.types ?? [];
  const kinds = [...new Set(types.map(({ provider_type }) => provider_type))];
  const [preset, setPreset] = useState<Type | null>(null);
  const [fields, setFields] = useState({
    provider_key: provider?.provider_key ?? '',
    provider_type: provider?.provider_type ?? 'openai',
    api_base: provider?.api_base ?? '',
    api_key: '',
    weight: String(provider?.weight ?? 1),
    mapping: writeMapping(provider?.model_mapping ?? {}),
  });
  const [saved, setSaved] = useState<Provider | null>(null);
  const task = useTask();
  const set = (changes: Partial<typeof fields>) => setFields({ ...fields, ...changes });
  const wrong = (name: string) => (task.error?.param === name ? task.error.message : null);
  const choose = (type: Type) => {
    const isOwn = fields.provider_key === '' || fields.provider_key === preset?.name;
    setPreset(type);
    set({
      provider_type: type.provider_type,
      api_base: type.api_base ?? '',
      ...(isOwn ? { provider_key: type.name } : {}),
    });
  };
  const save = async (event: Event) => {
    event.preventDefault();
    const { mapping, weight, api_key, ...plain } = fields;
    const body = {
      ...plain,
      ...(weight === '' ? {} : { weight: Number(weight) }),
      model_mapping: readMapping(mapping),
      ...(api_key === '' ? {} : { api_key }),
      ...(preset ? { provider_params: preset.provider_params } : {}),
    };
    await task.run(async () => {
      const path = provider ? `providers/${provider.id}` : 'providers';
      const method = provider ? 'PUT' : 'POST';
      const answer = await call<{ provider: Provider }>(`${path}?wait=active`, { method, body });
      toast(t('{name} is saved and in use', { name: answer.provider.provider_key }));
      setSaved(answer.provider);
      onSaved();
    });
  };
  if (saved) return <Saved provider={saved} onClose={onClose} />;
  const shown = ['provider_key', 'api_base', 'api_key'];
  return (
    <Dialog
      title={provider ? t('Edit {name}', { name: provider.provider_key }) : t('Add a provider')}
      onClose={onClose}
      isWide
    >
      <form class="stack" onSubmit={save}>
        {!provider && (
          <div class="kinds">
            {types.map((type) => (
              <button
                type="button"
                key={type.name}
                aria-pressed={type.name === preset?.name}
                onClick={() => choose(type)}
              >
                {type.name}
              </button>
            ))}
          </div>
        )}
        <div class="grid narrow">
          <TextField
            label={t('Name')}
            value={fields.provider_key}
            onInput={(provider_key) => set({ provider_key })}
            wrong={wrong('provider_key')}
            hint={t('Letters, digits and . _ -')}
            isRequired
          />
          <SelectField
            label={t('Kind')}
            value={fields.provider_type}
            of={(kinds.length > 0 ? kinds : [fields.provider_type]).map(
              (kind) => [kind, kind] as const,
            )}
            onChange={(provider_type) => set({ provider_type })}
            hint={t('openai: also every compatible server')}
          />
        </div>
        <TextField
          label={t('Base URL')}
          value={fields.api_base}
          onInput={(api_base) => set({ api_base })}
          wrong={wrong('api_base')}
          hint={t('With its version, such as /v1')}
          isRequired
        />
        <TextField
          label={t('API key')}
          type="password"
          value={fields.api_key}
          onInput={(api_key) => set({ api_key })}
          wrong={wrong('api_key')}
          isRequired={!provider}
          hint={
            provider
              ? t('Empty keeps the present one, {preview}.', { preview: provider.api_key_preview })
              : t('Stored encrypted; or a reference such as env:OPENAI_API_KEY.')
          }
        />
        <details>
          <summary>{t('Models and weight')}</summary>
          <div class="stack">
            <TextField
              label={t('Model mapping')}
              value={fields.mapping}
              onInput={(mapping) => set({ mapping })}
              rows={4}
              placeholder={'gpt-4o = gpt-4o\nclaude-* = claude-sonnet'}
              hint={t(
                'One a line: name asked for = name sent. Empty: every model under its own name.',
              )}
            />
            <TextField
              label={t('Weight')}
              type="number"
              value={fields.weight}
              onInput={(weight) => set({ weight })}
              wrong={wrong('weight')}
              hint={t('Share among the providers of a model; 0 is for failover only.')}
            />
          </div>
        </details>
        <FormActions
          task={task}
          submit={t(provider ? 'Save' : 'Add and test')}
          fields={shown}
          onCancel={onClose}
        />
      </form>
    </Dialog>
  );
}

/** After saving: the provider's answer to a first test. */
function Saved({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  const [model, setModel] = useState('');
  const [checked, setChecked] = useState<Checked | null>(null);
  const task = useTask();
  const test = (name: string | undefined) =>
    task.run(async () => {
      const body = name ? { models: [name] } : {};
      const path = `providers/${provider.id}/health`;
      const answer = await call<Checked>(path, { method: 'POST', body });
      setChecked(answer);
      if (name && answer.status === 'healthy') keep('playground.model', name);
    });
  useEffect(() => {
    // Without a name, it is asked for its list of models, which costs nothing.
    const [first] = Object.keys(provider.model_mapping).filter((name) => !/[*/]/.test(name));
    void test(first);
  }, []);
  return (
    <Dialog title={provider.provider_key} onClose={onClose} isWide>
      <div class="stack">
        <State tone="good">{t('Saved, and in use by every worker')}</State>
        {task.error && <Failure error={task.error} />}
        {task.isBusy && <Skeleton lines={2} />}
        {checked && !task.isBusy && <CheckResult checked={checked} />}
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            void test(model.trim());
          }}
        >
          <TextField
            label={t('Test a model')}
            value={model}
            onInput={setModel}
            placeholder={t('for example {name}', { name: 'gpt-4o-mini' })}
            hint={t('Sends it one cheap request.')}
            isRequired
          />
          <div class="line end">
            <button type="submit" disabled={task.isBusy}>
              {t('Test')}
            </button>
          </div>
        </form>
        <div class="line end">
          <button type="button" class="primary" onClick={onClose}>
            {t('Done')}
          </button>
        </div>
      </div>
    </Dialog>
  );
}

function writeMapping(mapping: Readonly<Record<string, string>>): string {
  return Object.entries(mapping)
    .map(([asked, sent]) => `${asked} = ${sent}`)
    .join('\n');
}

function readMapping(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const [asked = '', ...sent] = line.split('=').map((part) => part.trim());
      return [asked, sent.join('=') || asked];
    }),
  );
}
