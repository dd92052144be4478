import { useEffect, useState } from 'preact/hooks';
import type { Key, RequestList, Status, Team } from '../../lib/answers.js';
import { useLoad } from '../../lib/load.js';
import { linkTo } from '../../lib/route.js';
import { t } from '../../lib/words.js';
import { Panel } from '../../parts/panel.js';

interface Step {
  isDone: boolean;
  /** A gateway works without it. */
  isOptional?: boolean;
  title: string;
  text: string;
  link: string;
}

/** Steps that a new gateway still needs before its first request; null while unknown. */
export function useSteps(status: Status | null): Step[] | null {
  const hasProvider = (status?.providers.length ?? 0) > 0;
  const isBusy = (status?.requests.requests ?? 0) > 0;
  const keys = useLoad<{ credentials: Key[] }>(isBusy ? null : 'credentials?limit=1');
  const teams = useLoad<{ teams: Team[] }>(isBusy ? null : 'teams?limit=1');
  const [everyMs, setEveryMs] = useState(5_000);
  const requests = useLoad<RequestList>(isBusy ? null : 'requests?limit=1&since=30d', everyMs);
  const hasRequests = (requests.data?.requests.length ?? 0) > 0;
  useEffect(() => {
    if (hasRequests) setEveryMs(0);
  }, [hasRequests]);
  if (status === null || isBusy || !keys.data || !teams.data || !requests.data) return null;
  return [
    {
      isDone: hasProvider,
      title: t('Add a provider'),
      text: t('Where requests are sent to: OpenAI, Anthropic, or a server of your own.'),
      link: linkTo('providers', '', { add: 'first' }),
    },
    {
      isDone: teams.data.teams.length > 0,
      isOptional: true,
      title: t('Create a team'),
      text: t('Optional: its keys share limits and a budget, and usage is summed by team.'),
      link: linkTo('teams', '', { add: 'first' }),
    },
    {
      isDone: keys.data.credentials.length > 0,
      title: t('Create a key'),
      text: t('Each client has a key of its own, with its models and limits.'),
      link: linkTo('keys', '', { add: 'first' }),
    },
    {
      isDone: hasRequests,
      title: t('Send a request'),
      text: t('Try a model in the playground and see what it cost.'),
      link: linkTo('playground'),
    },
  ];
}

/** Guides an empty gateway to its first request. */
export function FirstSteps({ steps }: { steps: readonly Step[] }) {
  const next = steps.find(({ isDone }) => !isDone);
  return (
    <Panel title={t('First steps')}>
      <ol class="steps">
        {steps.map(({ isDone, title, text, link }) => (
          <li key={title} class={isDone ? 'done' : ''}>
            <div>
              <h3>{title}</h3>
              {!isDone && <p class="muted">{text}</p>}
            </div>
            {!isDone && (
              <a class={title === next?.title ? 'button primary' : 'button'} href={link}>
                {title}
              </a>
            )}
          </li>
        ))}
      </ol>
    </Panel>
  );
}
