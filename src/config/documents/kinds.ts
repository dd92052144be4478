/**
 * The kinds of rows that make the configuration, in the order in which they are written: what
 * others name comes first. The table `config_tables` of the database says the same.
 */
export const kinds = [
  { kind: 'provider', section: 'providers', nameField: 'provider_key' },
  { kind: 'team', section: 'teams', nameField: 'name' },
  { kind: 'key', section: 'credentials', nameField: 'name' },
  { kind: 'price', section: 'prices', nameField: 'name' },
  { kind: 'budget', section: 'budgets', nameField: 'name' },
  { kind: 'stop', section: 'stops', nameField: 'name' },
  { kind: 'guardrail', section: 'guardrails', nameField: 'name' },
  { kind: 'mirror', section: 'mirrors', nameField: 'name' },
  { kind: 'canary', section: 'canaries', nameField: 'name' },
] as const;

/** One row in messages, plans and the audit log. */
export type Kind = (typeof kinds)[number]['kind'];

/** Its table, and its section of a document. */
export type Section = (typeof kinds)[number]['section'];

export const kindNames: readonly Kind[] = kinds.map(({ kind }) => kind);

/** A value for each section. */
export function eachSection<T>(
  of: (section: Section, kind: (typeof kinds)[number]) => T,
): Record<Section, T> {
  return Object.fromEntries(kinds.map((each) => [each.section, of(each.section, each)])) as Record<
    Section,
    T
  >;
}
