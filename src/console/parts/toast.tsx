import { signal } from '@preact/signals';

const toasts = signal<readonly { id: number; text: string }[]>([]);
let last = 0;

const shownMs = 3_000;
const perCharacterMs = 50;

/** Reports that something was done, for as long as it takes to read. */
export function toast(text: string): void {
  const id = ++last;
  toasts.value = [...toasts.value, { id, text }];
  setTimeout(
    () => {
      toasts.value = toasts.value.filter((each) => each.id !== id);
    },
    shownMs + perCharacterMs * text.length,
  );
}

export function Toasts() {
  return (
    <div class="toasts" role="status">
      {toasts.value.map(({ id, text }) => (
        <div key={id} class="toast">
          {text}
        </div>
      ))}
    </div>
  );
}
