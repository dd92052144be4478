import type { HistoryChange, HistoryEntry } from '../db/queries/configuration/config-history.js';

/** Describes a version in a line, such as `version 7 by cli:alice@host changed provider openai`. */
export function describeHistory(entry: HistoryEntry): string {
  return `version ${entry.version} by ${entry.actor} ${describeChanges(entry)}`;
}

/** Describes a version's changes, such as `added key bob; changed providers a, b and 3 more`. */
export function describeChanges({
  changes,
  changes_count,
}: Pick<HistoryEntry, 'changes' | 'changes_count'>): string {
  const groups = new Map<string, string[]>();
  for (const { action, kind, name } of changes) {
    const group = `${verbs[action]} ${kind}`;
    groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  const told = [...groups].map(([group, names]) => {
    const unique = [...new Set(names)];
    return `${group}${unique.length > 1 ? 's' : ''} ${unique.join(', ')}`;
  });
  const more = changes_count - changes.length;
  return `${told.join('; ')}${more > 0 ? ` and ${more} more` : ''}`;
}

const verbs: Record<HistoryChange['action'], string> = {
  create: 'added',
  update: 'changed',
  delete: 'removed',
};
