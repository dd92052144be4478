import type { ChatAnswer, Message } from '../../lib/chat.js';
import { compact, duration, money } from '../../lib/format.js';
import { linkTo } from '../../lib/route.js';
import { t } from '../../lib/words.js';

/** A message, and for one of the model the whole answer. */
export interface Turn {
  message: Message;
  answer: ChatAnswer | null;
}

/** A message of the conversation; of an answer, its times and cost too. */
export function Said({ turn: { message, answer } }: { turn: Turn }) {
  const parts = typeof message.content === 'string' ? null : message.content;
  const text = parts ? String(Reflect.get(parts[0] ?? {}, 'text')) : String(message.content);
  return (
    <div class={`message ${message.role}`}>
      <div class="who">{t(message.role)}</div>
      <bdi class="text">{text}</bdi>
      {parts?.slice(1).map((part) => {
        const { url } = Reflect.get(part, 'image_url');
        return <img key={url} src={url} alt="" />;
      })}
      {answer?.totalMs != null && (
        <div class="line muted small">
          <span>{t('first token after {time}', { time: duration(answer.firstMs) })}</span>
          <span>{t('in all {time}', { time: duration(answer.totalMs) })}</span>
          {answer.usage && (
            <span>
              {t('{input} + {output} tokens', {
                input: compact(answer.usage.prompt_tokens),
                output: compact(answer.usage.completion_tokens),
              })}
            </span>
          )}
          {answer.cost && <b>{money(Number(answer.cost))}</b>}
          <a href={linkTo('requests', answer.requestId)}>{t('What it cost, and why')}</a>
        </div>
      )}
    </div>
  );
}
