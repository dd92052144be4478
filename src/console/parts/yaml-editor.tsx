import { useEffect, useRef, useState } from 'preact/hooks';
import { type Completion, complete, type Schema } from '../lib/schema.js';

interface YamlEditorProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  schema: Schema | null;
  /** Errors by line, counted from 1. */
  wrong: ReadonlyMap<number, string>;
}

const lineHeight = 20;

/** A text area with line numbers and completion by schema. Tab leaves it, as everywhere. */
export function YamlEditor({ label, value, onInput, schema, wrong }: YamlEditorProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const [offered, setOffered] = useState<{ all: Completion[]; written: string; top: number }>({
    all: [],
    written: '',
    top: 0,
  });
  const [chosen, setChosen] = useState(0);
  const lines = value.split('\n').length;

  const offer = () => {
    const element = area.current;
    if (!element || !schema) return;
    const { completions, written } = complete(schema, element.value, element.selectionStart);
    const line = element.value.slice(0, element.selectionStart).split('\n').length;
    setOffered({
      all: completions.slice(0, 12),
      written,
      top: line * lineHeight + 14 - element.scrollTop,
    });
    setChosen(0);
  };
  // Text written before the schema arrived is completed too.
  useEffect(() => {
    if (document.activeElement === area.current) offer();
  }, [schema]);
  const close = () => setOffered({ all: [], written: '', top: 0 });
  const take = ({ text }: Completion) => {
    const element = area.current;
    if (!element) return;
    const at = element.selectionStart;
    const isName = !/:\s*\S*$/.test(element.value.slice(0, at).split('\n').at(-1) ?? '');
    const added = text.slice(offered.written.length) + (isName ? ': ' : '');
    element.setRangeText(added, at, at, 'end');
    onInput(element.value);
    close();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey && event.key === ' ') {
      event.preventDefault();
      offer();
    }
    if (offered.all.length === 0) return;
    const found = offered.all[chosen];
    if (event.key === 'Escape') close();
    else if (event.key === 'ArrowDown') setChosen((chosen + 1) % offered.all.length);
    else if (event.key === 'ArrowUp')
      setChosen((chosen - 1 + offered.all.length) % offered.all.length);
    else if (event.key === 'Enter' && found && offered.written !== '') take(found);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div class="editor">
      <div ref={gutter} class="gutter" aria-hidden="true">
        {Array.from({ length: lines }, (_, index) => (
          <div key={index} class={wrong.has(index + 1) ? 'wrong' : ''} title={wrong.get(index + 1)}>
            {index + 1}
          </div>
        ))}
      </div>
      <textarea
        ref={area}
        aria-label={label}
        aria-invalid={wrong.size > 0}
        spellcheck={false}
        autocomplete="off"
        rows={Math.min(40, Math.max(22, lines + 1))}
        value={value}
        onInput={(event) => {
          onInput(event.currentTarget.value);
          offer();
        }}
        onKeyDown={onKey}
        onBlur={() => setTimeout(close, 150)}
        onScroll={(event) => {
          if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
      {offered.all.length > 0 && (
        <ul
          class="completions"
          ref={(element) => {
            if (!element) return;
            element.style.top = `${offered.top}px`;
            element.style.left = '72px';
          }}
        >
          {offered.all.map((each, index) => (
            <li key={each.text} class={index === chosen ? 'chosen' : ''}>
              <button type="button" class="link" onMouseDown={() => take(each)}>
                <code>{each.text}</code>
              </button>{' '}
              <span class="muted small">{each.about}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
