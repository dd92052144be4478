import { useEffect, useRef, useState } from 'preact/hooks';
import { type ApiError, apiErrorOf } from '../lib/api.js';
import { type ChatAnswer, type ChatRequest, chat, type Message } from '../lib/chat.js';
import { useKept } from '../lib/kept.js';
import { useNames } from '../lib/names.js';
import { linkTo } from '../lib/route.js';
import { role } from '../lib/session.js';
import { t } from '../lib/words.js';
import { Choices } from '../parts/choices.js';
import { Check, TextField } from '../parts/fields/field.js';
import { Page, Panel } from '../parts/panel.js';
import { Empty, Failure } from '../parts/state.js';
import { KeyField } from './playground/key-field.js';
import { Raw, type Shown } from './playground/raw.js';
import { Said, type Turn } from './playground/said.js';

const formId = 'playground';

/** Chat with any key and model, as a client would. The key stays in this page. */
export function Playground() {
  const [key, setKey] = useKept('playground.key', '');
  const [model, setModel] = useKept('playground.model', '');
  const [system, setSystem] = useKept('playground.system', '');
  const [text, setText] = useKept('playground.text', '');
  const [images, setImages] = useKept<readonly string[]>('playground.images', []);
  const [tools, setTools] = useKept('playground.tools', '');
  const [isStream, setStream] = useKept('playground.stream', true);
  const [turns, setTurns] = useKept<readonly Turn[]>('playground.turns', []);
  const [error, setError] = useKept<ApiError | null>('playground.error', null);
  /** Stops the answer under way; null where there is none. */
  const [stop, setStop] = useKept<AbortController | null>('playground.stop', null);
  const [shown, setShown] = useState<Shown>('talk');
  const isBusy = stop !== null;
  const known = useNames(role.value === 'team' ? null : 'models', model);
  const [first = ''] = known;
  const isProposed = useRef(false);
  const isTyping = useRef(false);
  /** Fills in a likely model, once: never under the cursor, where it would join what is typed. */
  const propose = () => {
    if (first === '' || isProposed.current || isTyping.current) return;
    isProposed.current = true;
    const likely = known.length === 1 ? first : known.find((name) => isCheapChat(name));
    if (likely !== undefined) setModel((now) => now || likely);
  };
  useEffect(propose, [first]);

  const messages: Message[] = [
    ...(system === '' ? [] : [{ role: 'system', content: system } as const]),
    ...turns.map(({ message }) => message),
  ];
  const request = (all: readonly Message[]): ChatRequest => ({
    model,
    messages: all,
    stream: isStream,
    ...(tools.trim() !== '' && isJsonList(tools) ? { tools: JSON.parse(tools) } : {}),
  });
  const send = async (event: Event) => {
    event.preventDefault();
    const content =
      images.length === 0
        ? text
        : [
            { type: 'text', text },
            ...images.map((url) => ({ type: 'image_url', image_url: { url } })),
          ];
    const asked: Turn = { message: { role: 'user', content }, answer: null };
    const controller = new AbortController();
    const all = [...turns, asked];
    let hasAnswer = false;
    const onAnswer = (answer: ChatAnswer) => {
      hasAnswer = true;
      setTurns([...all, { message: { role: 'assistant', content: answer.text }, answer }]);
    };
    setStop(controller);
    setError(null);
    setTurns(all);
    setText('');
    setImages([]);
    try {
      await chat(key.trim(), request([...messages, asked.message]), onAnswer, controller.signal);
    } catch (failure) {
      if (!controller.signal.aborted) setError(apiErrorOf(failure));
      if (!hasAnswer) {
        // The message goes back to its field, to be sent again.
        setTurns(turns);
        setText((typed) => typed || text);
        setImages(images);
      }
    }
    setStop(null);
  };
  const startOver = () => {
    setTurns([]);
    setError(null);
  };
  const last = turns.at(-1)?.answer ?? null;
  const asked = turns.at(-1)?.message.role === 'assistant' ? messages.slice(0, -1) : messages;
  const example = asked.length > 0 ? asked : [{ role: 'user', content: text || 'Hello' } as const];

  return (
    <Page title={t('Playground')}>
      <div class="two">
        <Panel
          title={t('Chat')}
          actions={
            <Choices
              label={t('View')}
              value={shown}
              of={[
                ['talk', 'Chat'],
                ['request', 'Request'],
                ['answer', 'Answer'],
                ['curl', 'curl'],
                ['python', 'Python'],
                ['node', 'Node'],
              ]}
              onChange={setShown}
            />
          }
        >
          <div class="body stack">
            {shown === 'talk' ? (
              <>
                {turns.length === 0 && (
                  <Empty title={t('Ask a model something')}>
                    {t(
                      'It is a real request: it counts, it costs, and it is found under Requests.',
                    )}
                  </Empty>
                )}
                <div class="talk" aria-live="polite">
                  {turns.map((turn, index) => (
                    <Said key={index} turn={turn} />
                  ))}
                </div>
                {error && (
                  <Failure error={error}>
                    {error.requestId && (
                      <a href={linkTo('requests', error.requestId)}>{t('What happened')}</a>
                    )}
                  </Failure>
                )}
                <form class="stack" id={formId} onSubmit={send}>
                  <textarea
                    aria-label={t('Message')}
                    placeholder={t('Message')}
                    required
                    rows={3}
                    value={text}
                    onInput={(event) => setText(event.currentTarget.value)}
                    onKeyDown={(event) => {
                      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !isBusy)
                        event.currentTarget.form?.requestSubmit();
                    }}
                  />
                  <div class="line">
                    <label class="button">
                      {t('Add images')}
                      <input
                        type="file"
                        class="hidden-text"
                        accept="image/*"
                        multiple
                        onChange={(event) =>
                          void readImages(event.currentTarget.files).then(setImages)
                        }
                      />
                    </label>
                    {images.length > 0 && (
                      <span class="muted">{t('{count} images', { count: images.length })}</span>
                    )}
                    <span class="muted small push">{t('Ctrl+Enter sends')}</span>
                    {isBusy ? (
                      <button type="button" onClick={() => stop.abort()}>
                        {t('Stop')}
                      </button>
                    ) : (
                      <button type="submit" class="primary" disabled={!isJsonList(tools)}>
                        {t('Send')}
                      </button>
                    )}
                  </div>
                </form>
              </>
            ) : (
              <Raw shown={shown} request={() => request(example)} answer={last} />
            )}
          </div>
        </Panel>
        <Panel title={t('Settings')}>
          <div class="body stack">
            <KeyField value={key} onInput={setKey} form={formId} />
            <TextField
              label={t('Model')}
              value={model}
              onInput={setModel}
              list={known}
              placeholder={t('for example {name}', { name: first || 'gpt-4o-mini' })}
              form={formId}
              isRequired
              onFocus={() => {
                isTyping.current = true;
              }}
              onBlur={() => {
                isTyping.current = false;
                propose();
              }}
            />
            <TextField label={t('System prompt')} value={system} onInput={setSystem} rows={3} />
            <TextField
              label={t('Tools')}
              value={tools}
              onInput={setTools}
              rows={3}
              wrong={isJsonList(tools) ? null : t('Must be a JSON list of tools')}
              hint={t('As in the API: a JSON list')}
            />
            <Check label={t('Stream the answer')} isChecked={isStream} onChange={setStream} />
            {turns.length > 0 && (
              <button type="button" disabled={isBusy} onClick={startOver}>
                {t('Start over')}
              </button>
            )}
          </div>
        </Panel>
      </div>
    </Page>
  );
}

/** A guess by the name: a small model to begin with. */
function isCheapChat(name: string): boolean {
  return (
    /mini|flash|haiku|small|lite|nano/i.test(name) &&
    !/embed|audio|tts|realtime|live|image|transcri|search|moderation|rerank/i.test(name)
  );
}

function isJsonList(text: string): boolean {
  if (text.trim() === '') return true;
  try {
    return Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}

async function readImages(files: FileList | null): Promise<string[]> {
  return await Promise.all(
    [...(files ?? [])].slice(0, 8).map(
      (file) =>
        new Promise<string>((resolve, reject) => {
          const reader = new FileReader();
          reader.onload = () => resolve(String(reader.result));
          reader.onerror = () => reject(reader.error);
          reader.readAsDataURL(file);
        }),
    ),
  );
}
