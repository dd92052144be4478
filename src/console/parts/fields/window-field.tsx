import type { Budget } from '../../lib/answers.js';
import { t } from '../../lib/words.js';
import { SelectField } from './field.js';

const windows = ['day', 'week', 'month', 'total'] as const;

interface WindowFieldProps {
  value: Budget['window'];
  onChange: (window: Budget['window']) => void;
  hint?: string;
}

/** The period of a sum of money. */
export function WindowField(props: WindowFieldProps) {
  return (
    <SelectField
      label={t('Each')}
      of={windows.map((each) => [each, t(each)] as const)}
      {...props}
    />
  );
}
