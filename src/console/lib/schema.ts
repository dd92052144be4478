/** The part of JSON Schema that completion uses. */
export interface Schema {
  description?: string;
  enum?: readonly unknown[];
  type?: string | readonly string[];
  properties?: Readonly<Record<string, Schema>>;
  additionalProperties?: Schema | boolean;
}

export interface Completion {
  text: string;
  about: string;
}

/**
 * Completions at a place in a YAML text.
 * @param at offset of the cursor.
 * @returns completions, and the length of the part already typed.
 */
export function complete(
  schema: Schema,
  text: string,
  at: number,
): { completions: Completion[]; written: string } {
  const lines = text.slice(0, at).split('\n');
  const line = lines.at(-1) ?? '';
  const [, indent = '', name = '', value] = /^( *)([\w.-]*)(?::\s*(\S*))?$/.exec(line) ?? [];
  if (!/^ *[\w.-]*(?::\s*\S*)?$/.test(line)) return { completions: [], written: '' };
  const parent = schemaAt(schema, pathAt(lines.slice(0, -1), indent.length));
  if (!parent) return { completions: [], written: '' };
  if (value !== undefined) {
    const own = parent.properties?.[name];
    const isBoolean = own?.type === 'boolean';
    const values = (own?.enum ?? (isBoolean ? [true, false] : [])).map(String);
    return {
      completions: matching(
        values.map((each) => [each, '']),
        value,
      ),
      written: value,
    };
  }
  const names = Object.entries(parent.properties ?? {});
  const all = names.map(([each, { description = '' }]) => [each, description] as const);
  return { completions: matching(all, name), written: name };
}

function matching(all: readonly (readonly [string, string])[], written: string): Completion[] {
  return all
    .filter(([text]) => text.startsWith(written) && text !== written)
    .map(([text, about]) => ({ text, about }));
}

/** The names on the path to a place of this depth, by indentation. */
function pathAt(lines: readonly string[], depth: number): string[] {
  const path: string[] = [];
  let below = depth;
  for (const line of [...lines].reverse()) {
    const [, indent = '', name = ''] =
      /^( *)(?:"([^"]+)"|'([^']+)'|([^\s#:][^:]*)):/.exec(line) ?? [];
    const key = name || (/^ *["']?([^"':]+)["']?:/.exec(line)?.[1] ?? '');
    if (key === '' || indent.length >= below) continue;
    path.unshift(key);
    below = indent.length;
    if (below === 0) break;
  }
  return path;
}

function schemaAt(schema: Schema, path: readonly string[]): Schema | null {
  let here: Schema | null = schema;
  for (const name of path) {
    const more: Schema | boolean | undefined = here?.additionalProperties;
    here = here?.properties?.[name] ?? (typeof more === 'object' ? more : null);
    if (!here) return null;
  }
  return here;
}
