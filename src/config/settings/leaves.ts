import type { SettingsFlags } from './settings-types.js';

/** A setting as the schema has it. */
export interface Leaf {
  path: string[];
  schema: object;
  type: unknown;
  default: unknown;
  secret: boolean | undefined;
  env: string | undefined;
  /** Fallback variable. */
  envAlso: string | undefined;
  /** The variable is read in lower case too. */
  envLower: boolean | undefined;
  credential: string | undefined;
  flag: Exclude<keyof SettingsFlags, 'config'> | undefined;
}

/** All settings below these properties of a schema. */
export function* leaves(properties: object, path: string[] = []): Generator<Leaf> {
  for (const [name, schema] of Object.entries(properties)) {
    if (schema.properties) yield* leaves(schema.properties, [...path, name]);
    else yield { ...schema, schema, path: [...path, name] };
  }
}

/** The value at a path; undefined where there is none. */
export function valueAt(tree: object, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (node, name) =>
      node !== null && typeof node === 'object' ? Reflect.get(node, name) : undefined,
    tree,
  );
}

/** Sets the value at a path, with the objects on the way. */
export function assign(tree: Record<string, unknown>, path: readonly string[], value: unknown) {
  const last = path[path.length - 1] ?? '';
  let node = tree;
  for (const name of path.slice(0, -1)) {
    node[name] ??= {};
    node = node[name] as Record<string, unknown>;
  }
  node[last] = value;
}
