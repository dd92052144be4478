import type { Explanation } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { compact, dateTime, duration } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { linkTo } from '../lib/route.js';
import { role } from '../lib/session.js';
import { shellWord } from '../lib/shell-word.js';
import { statusTone } from '../lib/states.js';
import { t } from '../lib/words.js';
import { CopyButton } from '../parts/copy.js';
import { Page, Panel } from '../parts/panel.js';
import { cost } from '../parts/request-table.js';
import { Loaded, State, Tag } from '../parts/state.js';
import { Table } from '../parts/table.js';
import { Cost } from './request/cost.js';
import { StoredBodies } from './request/stored-bodies.js';
import { Waterfall } from './request/waterfall.js';

/** One request: its events in order, with reasons. */
export function RequestPage({ id }: { id: string }) {
  // A path could not hold every id that a client may choose.
  const path = withQuery('requests/explanation', { request_id: id });
  const explanation = useLoad<Explanation>(path);
  return (
    <Page
      title={t('Request')}
      command={{ cli: `llmproxy explain -- ${shellWord(id)}`, path }}
      actions={<a href={linkTo('requests')}>{t('All requests')}</a>}
    >
      <Loaded of={explanation}>{(shown) => <Explained shown={shown} />}</Loaded>
    </Page>
  );
}

function Explained({ shown }: { shown: Explanation }) {
  const { status, error, attempts_log: log, tokens, limits, candidates } = shown;
  const facts = [
    [t('Team'), shown.team],
    [t('User'), shown.user],
    [t('Tags'), shown.tags.join(', ')],
    [t('Cache'), shown.cache && cacheOf(shown.cache)],
    [t('Prompt cache'), shown.prompt_cache && promptCacheOf(shown.prompt_cache)],
  ] as const;
  return (
    <>
      <div class="grid">
        <Panel
          title={t('What happened')}
          actions={<CopyButton text={shown.request_id} label="Copy ID" />}
        >
          <div class="body">
            <dl class="facts">
              <dt>{t('Answer')}</dt>
              <dd>
                <State tone={statusTone(status, error)}>
                  {status} {error ?? ''}
                </State>
                {!shown.complete && error === null && <Tag tone="warn">{t('cut off')}</Tag>}
              </dd>
              <dt>{t('Request ID')}</dt>
              <dd class="mono">{shown.request_id}</dd>
              {shown.trace_id && (
                <>
                  <dt>{t('Trace ID')}</dt>
                  <dd class="mono">{shown.trace_id}</dd>
                </>
              )}
              <dt>{t('Time')}</dt>
              <dd>{dateTime(shown.started_at)}</dd>
              <dt>{t('Endpoint')}</dt>
              <dd>
                <code>{shown.endpoint}</code> {shown.stream && <Tag>{t('streamed')}</Tag>}
              </dd>
              <dt>{t('Key')}</dt>
              <dd>{shown.key ?? t('none that is valid')}</dd>
              {facts.map(
                ([title, value]) =>
                  value && (
                    <>
                      <dt>{title}</dt>
                      <dd>{value}</dd>
                    </>
                  ),
              )}
              <dt>{t('Model')}</dt>
              <dd>
                {shown.model_asked ?? '–'}
                {shown.model_sent &&
                  shown.model_sent !== shown.model_asked &&
                  ` → ${shown.model_sent}`}
              </dd>
              <dt>{t('Provider')}</dt>
              <dd>{shown.provider ?? '–'}</dd>
              {shown.translated_to && (
                <>
                  <dt>{t('Translated to')}</dt>
                  <dd>
                    {shown.translated_to}
                    {shown.lost && (
                      <span class="muted"> · {t('lost: {fields}', { fields: shown.lost })}</span>
                    )}
                  </dd>
                </>
              )}
              {limits && (
                <>
                  <dt>{t('Rate limit')}</dt>
                  <dd>
                    {limits.rate_limit === null
                      ? t('unlimited')
                      : t('{used} of {limit} in this second', {
                          used: limits.used_in_second,
                          limit: limits.rate_limit,
                        })}
                  </dd>
                </>
              )}
              <dt>{t('Configuration')}</dt>
              <dd>
                {shown.config_version === null
                  ? '–'
                  : t('version {version}', { version: shown.config_version })}
              </dd>
            </dl>
          </div>
        </Panel>
        <Panel title={t('Tokens and cost')}>
          <Cost shown={shown} />
          {!shown.cost && (
            <p class="body muted">
              {tokens
                ? t('No price is known for this model, which is not the same as free.')
                : t('Nothing was used.')}
            </p>
          )}
        </Panel>
      </div>
      <Panel title={t('Time')}>
        <div class="body">
          <Waterfall shown={shown} />
          {shown.attempts_end !== null && (
            <p class="muted small">
              {t('No further attempt: {reason}.', {
                reason: shown.attempts_end.replaceAll('_', ' '),
              })}
            </p>
          )}
          {log === null && shown.source === 'row' && (
            <p class="muted small">
              {t('It is no longer in memory: single attempts are not kept. It made {count}.', {
                count: shown.attempts,
              })}
            </p>
          )}
        </div>
      </Panel>
      {shown.guardrails.length > 0 && (
        <Panel title={t('Guardrails')}>
          <Table
            label={t('Guardrails')}
            rows={shown.guardrails}
            keyOf={({ guardrail, phase }) => `${phase} ${guardrail}`}
            columns={[
              { title: t('Guardrail'), value: ({ guardrail }) => guardrail },
              { title: t('Kind'), value: ({ kind }) => kind },
              { title: t('Checked'), value: ({ phase }) => phase },
              {
                title: t('Verdict'),
                value: ({ verdict }) => (
                  <State tone={verdictTone(verdict)}>{verdict.replace('_', ' ')}</State>
                ),
              },
              { title: t('Found'), value: ({ found }) => found.join(', ') || '–' },
            ]}
          />
        </Panel>
      )}
      {role.value === 'admin' && <StoredBodies id={shown.request_id} />}
      {candidates && candidates.length > 0 && (
        <Panel title={t('Providers considered')}>
          <Table
            label={t('Providers considered')}
            rows={candidates}
            keyOf={({ provider }) => provider}
            columns={[
              { title: t('Provider'), value: ({ provider }) => provider },
              { title: t('Model sent'), value: ({ model_sent }) => model_sent },
              { title: t('Tried'), value: ({ tried }) => t(tried ? 'yes' : 'no') },
              { title: t('Weight'), isNumber: true, value: ({ weight }) => weight },
              { title: t('Priority'), isNumber: true, value: ({ priority }) => priority },
              { title: t('Reason'), value: ({ reason }) => reason },
            ]}
          />
        </Panel>
      )}
    </>
  );
}

function cacheOf({ result, age_ms, saved_nano }: NonNullable<Explanation['cache']>): string {
  return [
    t(result),
    ...(age_ms === null ? [] : [t('{age} old', { age: duration(age_ms) })]),
    ...(saved_nano === null ? [] : [t('saved {amount}', { amount: cost(saved_nano) })]),
  ].join(', ');
}

function promptCacheOf(cached: NonNullable<Explanation['prompt_cache']>): string {
  const { prefers, moved, cached_tokens, move_cost_nano } = cached;
  return [
    t('{count} tokens', { count: compact(cached_tokens) }),
    ...(prefers === null ? [] : [t('prefers {provider}', { provider: prefers })]),
    ...(moved ? [t('moved')] : []),
    ...(move_cost_nano === null
      ? []
      : [t('a move costs {amount}', { amount: cost(move_cost_nano) })]),
  ].join(', ');
}

function verdictTone(verdict: Explanation['guardrails'][number]['verdict']) {
  if (verdict === 'passed') return 'good';
  return verdict === 'refused' || verdict === 'error' ? 'bad' : 'warn';
}
