/** A mapping of which nothing is known yet. */
export type Values = Readonly<Record<string, unknown>>;

/** The mapping, or an empty one in the place of anything else. */
export function asRecord(value: unknown): Values {
  return value instanceof Object && !Array.isArray(value) ? (value as Values) : {};
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The text; null for an empty one and for anything else. */
export function asText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** LiteLLM's `os.environ/NAME` as its value, null where it is not set; any other text as it is. */
export function fromEnvironment(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): string | null {
  const [, name] = /^os\.environ\/(.+)$/.exec(text) ?? [];
  return name === undefined ? text : (environment[name] ?? null);
}
