import type { CanaryStatus } from '../lib/answers.js';
import { canaryStates } from '../lib/states.js';
import { t } from '../lib/words.js';
import { State } from './state.js';

export function CanaryState({ of: { state } }: { of: Pick<CanaryStatus, 'state'> }) {
  const [tone, text] = canaryStates[state];
  return <State tone={tone}>{t(text)}</State>;
}

/** Provider and model that its requests move to. */
export function targetOf({ to_provider, to_model }: CanaryStatus): string {
  return to_model === null ? to_provider : `${to_provider} · ${to_model}`;
}
