import { useState } from 'preact/hooks';
import type { Bodies, Explanation } from '../lib/answers.js';
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
import { Empty, Loaded, State, Tag } from '../parts/state.js';
import { Table } from '../parts/table.js';

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

/** Stored bodies of the request and its answer, read only when asked for. */
function StoredBodies({ id }: { id: string }) {
  const [isAsked, setAsked] = useState(false);
  const bodies = useLoad<Bodies>(isAsked ? withQuery('requests/bodies', { request_id: id }) : null);
  return (
    <Panel
      title={t('Bodies')}
      actions={
        !isAsked && (
          <button type="button" onClick={() => setAsked(true)}>
            {t('Show what is stored')}
          </button>
        )
      }
    >
      {isAsked && (
        <Loaded of={bodies} lines={3}>
          {({ request_body: sent, response_body: answered }) =>
            sent === null && answered === null ? (
              <Empty title={t('No bodies are stored')}>
                {t('They are stored for keys whose form says so, from then on.')}
              </Empty>
            ) : (
              <div class="body stack">
                <h3>{t('Request')}</h3>
                <pre>{sent ?? '–'}</pre>
                <h3>{t('Answer')}</h3>
                <pre>{answered ?? '–'}</pre>
              </div>
            )
          }
        </Loaded>
      )}
    </Panel>
  );
}

function verdictTone(verdict: Explanation['guardrails'][number]['verdict']) {
  if (verdict === 'passed') return 'good';
  return verdict === 'refused' || verdict === 'error' ? 'bad' : 'warn';
}

function Cost({ shown: { cost: spent, tokens } }: { shown: Explanation }) {
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

/** Attempts on a common time scale, then the answer. */
function Waterfall({ shown }: { shown: Explanation }) {
  const { total_ms, first_token_ms, attempts_log } = shown;
  const scale = (ms: number) => (total_ms === 0 ? 0 : Math.min(100, (ms / total_ms) * 100));
  const bar = (from: number, took: number, tone: string) => (
    <svg viewBox="0 0 100 18" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" x="0" y="4" width="100" height="10" />
      <rect class={tone} x={scale(from)} y="4" width={Math.max(0.6, scale(took))} height="10" />
    </svg>
  );
  return (
    <div class="waterfall">
      {(attempts_log ?? []).map((attempt, index) => (
        <div class="attempt" key={`${index} ${attempt.provider}`}>
          <div>
            <div>{attempt.provider}</div>
            <div class="muted small">
              {attempt.status ?? attempt.outcome} {attempt.reason ?? ''}
            </div>
          </div>
          {bar(attempt.at_ms, attempt.took_ms, attempt.outcome === 'answered' ? 'good' : 'bad')}
          <div class="number">{duration(attempt.took_ms)}</div>
        </div>
      ))}
      {first_token_ms !== null && (
        <div class="attempt">
          <div>{t('To the first content')}</div>
          {bar(0, first_token_ms, 'wait')}
          <div class="number">{duration(first_token_ms)}</div>
        </div>
      )}
      <div class="attempt">
        <div>{t('In all')}</div>
        {bar(0, total_ms, statusTone(shown.status, shown.error) === 'good' ? 'good' : 'bad')}
        <div class="number">{duration(total_ms)}</div>
      </div>
      <p class="muted small">
        {t('Of this, the provider took {upstream}; the gateway itself {own}.', {
          upstream: duration(shown.upstream_ms),
          own: duration(Math.max(0, total_ms - shown.upstream_ms)),
        })}
      </p>
    </div>
  );
}
