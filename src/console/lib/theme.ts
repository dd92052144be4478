import { signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const rememberedAs = 'llmproxy.theme';
const system = matchMedia('(prefers-color-scheme: dark)');

export const theme = signal<Theme>((localStorage.getItem(rememberedAs) as Theme) ?? 'system');
/** True while the page is dark: charts draw their own colours. */
export const isDark = signal(false);

export function setTheme(wanted: Theme): void {
  theme.value = wanted;
  localStorage.setItem(rememberedAs, wanted);
  apply();
}

function apply(): void {
  isDark.value = theme.value === 'dark' || (theme.value === 'system' && system.matches);
  document.documentElement.dataset.theme = isDark.value ? 'dark' : 'light';
}

system.addEventListener('change', apply);
apply();
