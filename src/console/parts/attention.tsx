import type { Fleet, Spent, Status, Stop } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { age, percent } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { linkTo } from '../lib/route.js';
import { mayChangeProviders } from '../lib/session.js';
import { providerStates } from '../lib/states.js';
import { t } from '../lib/words.js';
import { selectorsText } from './fields/selector-fields.js';
import { Panel } from './panel.js';
import { spentTone } from './spent.js';
import { State } from './state.js';

const everyMs = 30_000;
/** Keys named that got errors, the busiest. */
const maxAffected = 5;
/** Notices shown of what needs attention, and budgets asked for. */
const maxNotices = 10;

interface Notice {
  tone: 'warn' | 'bad';
  text: string;
  act: string;
  /** The action of `act`, or the address that it leads to. */
  go: string | (() => void);
}

interface AttentionProps {
  status: Status;
  stops: readonly Stop[];
  onResume: (stop: Stop) => void;
}

/** Problems, worst first, each with one remedy. */
export function Attention({ status, stops, onResume }: AttentionProps) {
  const notices: Notice[] = stops.map((stop) => ({
    tone: 'bad',
    text: stoppedText(stop),
    act: t('Serve them again'),
    go: () => onResume(stop),
  }));
  const budgets = useLoad<{ budgets: Spent[] }>(
    withQuery('spend/budgets', { sort: '-share', limit: maxNotices }),
    everyMs,
  );
  const fleet = useLoad<Fleet>('fleet', everyMs);
  if (fleet.error?.status === 503) {
    notices.push({
      tone: 'bad',
      text: t('The database is away: requests are served, but nothing can be changed'),
      go: linkTo('health'),
      act: t('See health'),
    });
  }
  for (const { id, state, behind } of fleet.data?.daemons ?? []) {
    if (state !== 'gone' && state !== 'cut_off' && behind === 0) continue;
    notices.push({
      tone: 'warn',
      text:
        state === 'gone'
          ? t('{daemon} is gone', { daemon: id })
          : state === 'cut_off'
            ? t('{daemon} is cut off from the database', { daemon: id })
            : t('{daemon} is {count} changes behind', { daemon: id, count: behind }),
      go: linkTo('fleet'),
      act: t('See the fleet'),
    });
  }
  for (const budget of budgets.data?.budgets ?? []) {
    const tone = spentTone(budget);
    if (tone === '') continue;
    notices.push({
      tone,
      text: t('{share} of the budget {name} is spent', {
        share: percent(budget.share),
        name: budget.name,
      }),
      go: linkTo('budgets'),
      act: t('See budgets'),
    });
  }
  const toneOf = (state: string) => providerStates[state]?.[0] ?? 'plain';
  let unnamed = 0;
  let isFailing = false;
  for (const [state, count = 0] of Object.entries(status.provider_states)) {
    if (toneOf(state) === 'bad' || toneOf(state) === 'warn') unnamed += count;
  }
  for (const { provider, state, requests: attempts, errors: failed } of status.providers) {
    const usual = toneOf(state);
    if (usual !== 'bad' && usual !== 'warn') continue;
    // A dead provider is ejected and on trial in turns.
    const tone = failed * 2 > attempts ? 'bad' : usual;
    const [, name] = providerStates[state] ?? [tone, state];
    unnamed--;
    isFailing ||= tone === 'bad';
    notices.push({
      tone,
      text: t(
        failed > 0
          ? '{provider}: {state}, {failed} of {attempts} attempts failed in the last minute'
          : '{provider}: {state}',
        { provider, state: t(name).toLowerCase(), failed, attempts },
      ),
      ...(status.requests.errors > 0
        ? {
            go: linkTo('requests', '', { provider, status: 'error', since: '1h' }),
            act: t('See its errors'),
          }
        : {
            go: linkTo('requests', '', { status: 'retried', since: '1h' }),
            act: t('See what others answered'),
          }),
    });
  }
  const { requests, errors } = status.requests;
  if (requests >= 20 && errors / requests > 0.05) {
    isFailing = true;
    notices.push({
      tone: 'bad',
      text: t('{share} of requests fail', { share: percent(errors / requests) }),
      go: linkTo('requests', '', { status: 'error', since: '15m' }),
      act: t('See them'),
    });
  }
  // A key that misses its model or limit is no reason to wake anybody.
  const affected = isFailing
    ? status.keys.filter(({ errors }) => errors > 0).map(({ key }) => key)
    : [];
  if (affected.length > 0) {
    notices.push({
      tone: 'warn',
      text: t('Keys that got errors in the last minute: {names}', {
        names: [
          ...affected.slice(0, maxAffected),
          ...(affected.length > maxAffected ? ['…'] : []),
        ].join(', '),
      }),
      go: linkTo('requests', '', { status: 'error', since: '15m' }),
      act: t('See their errors'),
    });
  }
  if (status.workers.length < status.workers_desired) {
    notices.push({
      tone: 'warn',
      text: t('{count} of {all} workers serve', {
        count: status.workers.length,
        all: status.workers_desired,
      }),
      go: linkTo('health'),
      act: t('See health'),
    });
  }
  if (notices.length === 0) return null;
  notices.sort((a, b) => a.tone.localeCompare(b.tone));
  const more = Math.max(0, notices.length - maxNotices) + unnamed;
  return (
    <Panel title={t('Needs attention')}>
      <ul class="notices">
        {notices.slice(0, maxNotices).map(({ tone, text, go, act }) => (
          <li key={text}>
            <State tone={tone}>
              <span class="hidden-text">{t(tone === 'bad' ? 'Error' : 'Warning')}</span>
            </State>
            <span>{text}</span>
            {typeof go === 'string' ? (
              <a href={go}>{act}</a>
            ) : (
              mayChangeProviders.value && (
                <button type="button" class="link" aria-label={`${act}: ${text}`} onClick={go}>
                  {act}
                </button>
              )
            )}
          </li>
        ))}
        {more > 0 && (
          <li>
            <span />
            <span class="muted">{t('and {count} more', { count: more })}</span>
          </li>
        )}
      </ul>
    </Panel>
  );
}

function stoppedText({ applies_to, reason, created_at }: Stop): string {
  const stopped = t('Stopped for {age}: {requests}', {
    age: age(created_at),
    requests: selectorsText(applies_to),
  });
  return reason ? `${stopped} (${reason})` : stopped;
}
