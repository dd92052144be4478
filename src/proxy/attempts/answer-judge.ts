import type { Settings } from '../../config/settings/settings-types.js';
import type { AnswerJudge } from '../../dialects/dialect.js';

const eager = new WeakMap<AnswerJudge, AnswerJudge>();

/** Decides when a stream may be relayed: at its first content, or at any event but an error. */
export function answerJudge(
  dialect: AnswerJudge,
  { hold_streams }: Settings['routing'],
): AnswerJudge {
  if (hold_streams === 'first_content') return dialect;
  let judge = eager.get(dialect);
  if (!judge) {
    judge = {
      ...dialect,
      judge: (event) => (dialect.judge(event) === 'error' ? 'error' : 'content'),
    };
    eager.set(dialect, judge);
  }
  return judge;
}
