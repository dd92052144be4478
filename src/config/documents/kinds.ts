/**
 * The kinds of rows that make the configuration, in the order in which they are written: what
 * others name comes first. The table `config_tables` of the database says the same. `operators`: the
 * role `operator` may change them.
 */
export const kinds = [
  { kind: 'provider', section: 'providers', nameField: 'provider_key', operators: true },
  { kind: 'team', section: 'teams', nameField: 'name', operators: false },
  { kind: 'key', section: 'credentials', nameField: 'name', operators: false },
  { kind: 'price', section: 'prices', nameField: 'name', operators: false },
  { kind: 'budget', section: 'budgets', nameField: 'name', operators: false },
  { kind: 'stop', section: 'stops', nameField: 'name', operators: true },
  { kind: 'guardrail', section: 'guardrails', nameField: 'name', operators: false },
  { kind: 'mirror', section: 'mirrors', nameField: 'name', operators: false },
  { kind: 'canary', section: 'canaries', nameField: 'name', operators: true },
] as const;

/** One row in messages, plans and the audit log. */
export type Kind = (typeof kinds)[number]['kind'];

/** Its table, and its section of a document. */
export type Section = (typeof kinds)[number]['section'];

/** True where the role `operator` may change rows of this kind. */
export function mayOperatorsChange(kind: Kind): boolean {
  return kinds.some((each) => each.kind === kind && each.operators);
}

export const kindNames: readonly Kind[] = kinds.map(({ kind }) => kind);

export const sectionNames: readonly Section[] = kinds.map(({ section }) => section);

/** A value for each section. */
export function eachSection<T>(
  of: (section: Section, kind: (typeof kinds)[number]) => T,
): Record<Section, T> {
  return Object.fromEntries(kinds.map((each) => [each.section, of(each.section, each)])) as Record<
    Section,
    T
  >;
}
