import { t } from '../lib/words.js';
import { Page } from '../parts/panel.js';
export function Overview() {
  return <Page title={t('Overview')}>{null}</Page>;
}
