import { signal } from '@preact/signals';

/** English text → the reader's language. */
export type Words = Readonly<Record<string, string>>;

export type Language = 'en' | 'zh';

const rememberedAs = 'llmproxy.language';

export const language = signal<Language>(preferred());
const words = signal<Words>({});

function preferred(): Language {
  const chosen = localStorage.getItem(rememberedAs);
  if (chosen === 'en' || chosen === 'zh') return chosen;
  return navigator.language.startsWith('zh') ? 'zh' : 'en';
}

/** Switches the language; loads its words first unless it is English. */
export async function setLanguage(wanted: Language): Promise<void> {
  words.value = wanted === 'zh' ? (await import('./chinese.js')).chinese : {};
  language.value = wanted;
  document.documentElement.lang = wanted === 'zh' ? 'zh-Hans' : 'en';
  localStorage.setItem(rememberedAs, wanted);
}

/** A text in the reader's language. @param values for the `{name}` in it. */
export function t(text: string, values: Readonly<Record<string, string | number>> = {}): string {
  const found = words.value[text] ?? text;
  return found.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
