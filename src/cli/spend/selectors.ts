import type { Command } from 'commander';
import type { Selectors } from '../../config/rows/budget.js';

/** Flags that select requests. */
export type SelectorFlags = Selectors;

const names = ['key', 'team', 'user', 'tag', 'model', 'provider'] as const;
const descriptions: Readonly<Record<(typeof names)[number], string>> = {
  key: 'of this key, by name',
  team: 'of the keys of this team',
  user: 'of this end user',
  tag: 'with this tag',
  model: 'for this model, or a wildcard',
  provider: 'sent to this provider',
};

export function addSelectorOptions(command: Command): Command {
  for (const name of names) command.option(`--${name} <name>`, `requests ${descriptions[name]}`);
  return command;
}

export function selectorsFrom(flags: SelectorFlags): Selectors {
  const selectors: Selectors = {};
  for (const name of names) if (flags[name] !== undefined) selectors[name] = flags[name];
  return selectors;
}

export function selectorsText(selectors: Selectors): string {
  const named = Object.entries(selectors).map(([what, name]) => `${what} ${name}`);
  return named.join(', ') || 'all requests';
}
