import { providerStates } from '../lib/states.js';
import { t } from '../lib/words.js';
import { State } from './state.js';

export function ProviderState({ state }: { state: string }) {
  const [tone, text] = providerStates[state] ?? ['plain', state];
  return <State tone={tone}>{t(text)}</State>;
}
