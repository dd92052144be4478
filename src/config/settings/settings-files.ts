import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import type { Problem } from '../problem.js';
import { compileSchema, toProblems } from '../schema.js';
import { parseYaml } from '../yaml/parse-yaml.js';
import { pathOwner, SharedPathError } from './path-owner.js';
import { SettingsError } from './settings-error.js';
import { settingsSchema } from './settings-schema.js';

/** Read at load time, before commands started by root switch to the owner of the data directory. */
const isRoot = process.getuid?.() === 0;

/** True for a file of the working directory that root must not trust: another user controls it. */
export function isForeign(file: string, cwd: string): boolean {
  try {
    return isRoot && [cwd, file].some((path) => pathOwner(path) !== null);
  } catch (error) {
    if (error instanceof SharedPathError) return true;
    throw error;
  }
}

/** A named file must exist; the default places are optional. */
export function findSettingsFile(
  named: string | undefined,
  cwd: string,
  usual: readonly string[],
): string | null {
  if (named) {
    const file = resolve(cwd, named);
    if (existsSync(file)) return file;
    throw new SettingsError([{ source: file, path: '', reason: 'no such settings file' }]);
  }
  return usual.find((file) => existsSync(file)) ?? null;
}

export function readSettingsFile(file: string): Record<string, unknown> {
  const problems: Problem[] = [];
  const text = parseYaml(file, readSettingsText(file), problems);
  if (problems.length > 0) throw new SettingsError(problems);
  const written = withoutEmptySections(text, settingsSchema.properties);
  const validate = compileSchema<Record<string, unknown>>(usedSchema(settingsSchema, written));
  if (!validate(written)) throw new SettingsError(toProblems(file, validate.errors));
  return written;
}

/**
 * The schema without the settings that are not written: to compile all of it takes 0.1 s, a fifth
 * of a daemon's start.
 */
function usedSchema(schema: { readonly properties?: object }, written: unknown): object {
  const { properties } = schema;
  if (!properties || !(written instanceof Object)) return schema;
  const used = Object.entries(properties).filter(([name]) => Object.hasOwn(written, name));
  const parts = used.map(([name, part]) => [name, usedSchema(part, Reflect.get(written, name))]);
  return { ...schema, properties: Object.fromEntries(parts) };
}

/** Removes sections in which every line is a comment, which YAML reads as null. */
function withoutEmptySections(written: unknown, properties: object): unknown {
  if (!(written instanceof Object) || Array.isArray(written)) return written;
  const kept = Object.entries(written).flatMap(([name, value]): [string, unknown][] => {
    const schema = Object.hasOwn(properties, name) ? Reflect.get(properties, name) : {};
    if (!schema.properties) return [[name, value]];
    return value === null ? [] : [[name, withoutEmptySections(value, schema.properties)]];
  });
  return Object.fromEntries(kept);
}

/** @param variables the names that settings are read from. */
export function readDotEnv(file: string, variables: ReadonlySet<string>): NodeJS.ProcessEnv {
  if (!existsSync(file)) return {};
  const text = readSettingsText(file);
  refuseCutUrl(file, text);
  refuseColons(file, text, variables);
  return parseEnv(text) as NodeJS.ProcessEnv;
}

/**
 * An unquoted `#` begins a comment: the password would be cut, and the error would be about the
 * truncated URL.
 */
function refuseCutUrl(file: string, text: string): void {
  for (const [index, line] of text.split('\n').entries()) {
    const [, name] =
      /^\s*(?:export\s+)?(DB_URL|DB_LISTEN_URL)\s*=\s*[^'"`\s#][^\s#]*#\S*@/.exec(line) ?? [];
    if (name === undefined) continue;
    const reason = 'a "#" begins a comment here: quote the value, or write %23 in its password';
    throw new SettingsError([{ source: `${file}: line ${index + 1}`, path: name, reason }]);
  }
}

/** `NAME: value`, as in YAML, would be ignored. */
function refuseColons(file: string, text: string, variables: ReadonlySet<string>): void {
  for (const [index, line] of text.split('\n').entries()) {
    const [, name] = /^\s*(?:export\s+)?([A-Z][A-Z_]*):\s/.exec(line) ?? [];
    if (name === undefined || !variables.has(name)) continue;
    const source = `${file}: line ${index + 1}`;
    throw new SettingsError([{ source, path: name, reason: `write it as ${name}=VALUE` }]);
  }
}

/** A secret passed by systemd's LoadCredential=; undefined without one. */
export function readCredential(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const folder = environment.CREDENTIALS_DIRECTORY;
  if (!folder) return undefined;
  const file = join(folder, name);
  return existsSync(file) ? readSettingsText(file).trim() : undefined;
}

function readSettingsText(file: string): string {
  const refuse = (reason: string) => new SettingsError([{ source: file, path: '', reason }]);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw refuse(`cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  if (text.includes('\0')) throw refuse('is not UTF-8 text: save it as UTF-8');
  return text.replace(/^\uFEFF/, '');
}
