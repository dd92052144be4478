import type { Explanation } from '../../lib/answers.js';
import { compact } from '../../lib/format.js';
import { t } from '../../lib/words.js';
import { cost } from '../../parts/request-table.js';
import { Table } from '../../parts/table.js';

/** Tokens, and what each class of them cost. */
export function Cost({ shown: { cost: spent, tokens } }: { shown: Explanation }) {
  return (
    <>
      <div class="body">
        <dl class="facts">
          <dt>{t('Input tokens')}</dt>
          <dd>{tokens ? compact(tokens.prompt) : '–'}</dd>
          <dt>{t('Output tokens')}</dt>
          <dd>{tokens ? compact(tokens.completion) : '–'}</dd>
          <dt>{t('Counted by')}</dt>
          <dd>
            {tokens
              ? t(tokens.source === 'provider' ? 'the provider' : 'the gateway, estimated')
              : '–'}
          </dd>
          {spent && (
            <>
              <dt>{t('Cost')}</dt>
              <dd>
                <b>{cost(spent.cost_nano)}</b> <span class="muted">{spent.price ?? ''}</span>
              </dd>
            </>
          )}
        </dl>
      </div>
      {spent?.lines && (
        <Table
          label={t('Cost by class')}
          rows={spent.lines}
          keyOf={(line) => JSON.stringify(line)}
          columns={[
            { title: t('Class'), value: ({ unit }) => <code>{unit}</code> },
            { title: t('Amount'), isNumber: true, value: ({ count }) => compact(count) },
            {
              title: t('Price'),
              isNumber: true,
              value: ({ rate, per }) => `${cost(rate)} / ${compact(per)}`,
            },
            { title: t('Cost'), isNumber: true, value: (line) => cost(line.cost) },
          ]}
        />
      )}
    </>
  );
}
