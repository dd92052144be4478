import { type Signal, signal } from '@preact/signals';

const kept = new Map<string, Signal<unknown>>();

function signalOf<T>(name: string, initial: T): Signal<T> {
  const known = kept.get(name) ?? signal<unknown>(initial);
  kept.set(name, known);
  return known as Signal<T>;
}

/** Like `useState`, for values that must survive a visit to another page. */
export function useKept<T>(name: string, initial: T): [T, (value: T | ((now: T) => T)) => void] {
  const known = signalOf(name, initial);
  return [
    known.value,
    (value) => {
      known.value = value instanceof Function ? value(known.value) : value;
    },
  ];
}

/** Sets a value for a page that is shown later. */
export function keep<T>(name: string, value: T): void {
  signalOf(name, value).value = value;
}

/** Forgets everything: somebody else may sign in next. */
export function forgetKept(): void {
  kept.clear();
}
