import { asCode, type ChatAnswer, type ChatRequest } from '../../lib/chat.js';
import { t } from '../../lib/words.js';
import { CopyButton } from '../../parts/copy.js';

/** Forms of the conversation. */
export type Shown = 'talk' | 'request' | 'answer' | 'curl' | 'python' | 'node';

interface RawProps {
  shown: Exclude<Shown, 'talk'>;
  request: () => ChatRequest;
  answer: ChatAnswer | null;
}

/** The conversation as a request, its last answer, or a program. */
export function Raw({ shown, request, answer }: RawProps) {
  const text = () => {
    if (shown === 'answer') return answer?.raw ?? t('There is no answer yet.');
    if (shown === 'request') return JSON.stringify(request(), null, 2);
    return asCode(shown, request());
  };
  const written = text();
  return (
    <>
      <pre>{written}</pre>
      <div class="line end">
        <CopyButton text={written} />
      </div>
    </>
  );
}
