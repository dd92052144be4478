import type { Checked } from '../lib/answers.js';
import { duration } from '../lib/format.js';
import { t } from '../lib/words.js';
import { State } from './state.js';
import { Table } from './table.js';

/** The result of a provider test. */
export function CheckResult({ checked }: { checked: Checked }) {
  const tone = { healthy: 'good', unhealthy: 'bad', unknown: 'warn' } as const;
  return (
    <div class="stack">
      <State tone={tone[checked.status]}>{t(checked.status)}</State>
      {checked.error && <p>{checked.error}</p>}
      {checked.models.length > 0 && (
        <Table
          label={t('Models')}
          rows={checked.models}
          keyOf={({ model }) => model}
          columns={[
            { title: t('Model'), value: ({ model }) => model },
            { title: t('Result'), value: ({ status, error }) => error ?? t(status) },
            { title: t('Took'), isNumber: true, value: (row) => duration(row.response_time_ms) },
          ]}
        />
      )}
    </div>
  );
}
