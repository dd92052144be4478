import { assign, leaves, valueAt } from './leaves.js';
import { settingsSchema } from './settings-schema.js';
import type { Settings } from './settings-types.js';

/** Settings that may lack sections, as most code needs only some. */
export type SomeSettings = { readonly [Section in keyof Settings]?: Partial<Settings[Section]> };

const secretLeaves = [...leaves(settingsSchema.properties)].filter(({ secret }) => secret);

/** The texts of all settings that the schema calls secret. */
export function secretTexts(settings: SomeSettings): string[] {
  return secretLeaves.flatMap(({ path }) => textsIn(valueAt(settings, path)));
}

/**
 * The settings with the defaults of those that the schema calls secret.
 * @param kept paths of secrets that stay.
 */
export function withoutSecrets(settings: Settings, kept: readonly string[]): Settings {
  const shown = structuredClone(settings);
  for (const { path, default: value } of secretLeaves) {
    if (kept.includes(path.join('.'))) continue;
    assign(shown as unknown as Record<string, unknown>, path, value);
  }
  return shown;
}

/**
 * A text, the values of a table, or the keys of a list; names and roles beside those are not
 * secret.
 */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap((entry) => textsIn(Reflect.get(entry, 'key')));
  return value instanceof Object ? Object.values(value).flatMap(textsIn) : [];
}
