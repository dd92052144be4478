/** A mapping of unknown shape. */
export type Values = Readonly<Record<string, unknown>>;

/** The value if it is a mapping, else an empty one. */
export function asRecord(value: unknown): Values {
  return value instanceof Object && !Array.isArray(value) ? (value as Values) : {};
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value if it is a non-empty string, else null. */
export function asText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Resolves LiteLLM's `os.environ/NAME`, null where it is unset; returns other texts unchanged. */
export function fromEnvironment(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): string | null {
  const [, name] = /^os\.environ\/(.+)$/.exec(text) ?? [];
  return name === undefined ? text : (environment[name] ?? null);
}
