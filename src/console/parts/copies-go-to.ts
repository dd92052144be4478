import type { Mirror } from '../lib/answers.js';
import { t } from '../lib/words.js';

/** Provider and model that the copies of a mirror are sent to. */
export function copiesGoTo({ provider, model }: Pick<Mirror, 'provider' | 'model'>): string {
  return [provider ?? t('any provider'), ...(model === null ? [] : [model])].join(' · ');
}
