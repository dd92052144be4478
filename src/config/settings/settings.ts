import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type Problem, shownName } from '../problem.js';
import { compileSchema, toProblems } from '../schema.js';
import { assign, type Leaf, leaves, valueAt } from './leaves.js';
import { settingsSchema } from './settings-schema.js';
import type { Settings, SettingsFlags } from './settings-types.js';

export type { Settings, SettingsFlags } from './settings-types.js';

import { checkTogether } from './check-settings.js';
import { systemDataDir } from './path-owner.js';
import { SettingsError } from './settings-error.js';
import {
  findSettingsFile,
  isForeign,
  readCredential,
  readDotEnv,
  readSettingsFile,
} from './settings-files.js';

/** The source of a setting's value. */
export type Origin = 'default' | 'file' | 'credential' | 'environment' | 'flag';

export interface ResolvedSettings {
  settings: Settings;
  /** By path, such as `server.port`. */
  origins: ReadonlyMap<string, Origin>;
  /** The flag, variable, credential or file of each value that is not a default, by path. */
  sources: ReadonlyMap<string, string>;
  /** Absolute path of the settings file read. */
  file: string | null;
  /** Files of the working directory that root ignores because another user controls them. */
  ignored: readonly string[];
}

/** A setting for display: its name, value and source. */
export interface DescribedSetting {
  name: string;
  /** For a secret only `(set)`, or null. */
  value: unknown;
  origin: Origin;
  /** The variable, flag or file; null for a default. */
  source: string | null;
}

const systemFile = '/etc/llmproxy/llmproxy.yaml';

/**
 * The settings of this process: flags, then environment, `.env`, systemd's credentials, the
 * settings file, defaults.
 */
export function loadSettings(flags: SettingsFlags = {}): Settings {
  return resolveSettings(flags).settings;
}

/**
 * Like `loadSettings`, with the source of each value.
 * @throws SettingsError
 */
export function resolveSettings(flags: SettingsFlags = {}, cwd = process.cwd()): ResolvedSettings {
  const local = [join(cwd, '.env'), join(cwd, 'config/llmproxy.yaml')] as const;
  const [dotEnv, localFile] = local.map((path) => (isForeign(path, cwd) ? null : path));
  const known = [...leaves(settingsSchema.properties)];
  const variables = new Set(known.flatMap(({ env }) => env ?? []));
  const environment = { ...(dotEnv ? readDotEnv(dotEnv, variables) : {}), ...process.env };
  const usual = localFile ? [localFile, systemFile] : [systemFile];
  const file = findSettingsFile(flags.config ?? environment.LLMPROXY_CONFIG, cwd, usual);
  const written = file === null ? {} : readSettingsFile(file);
  const origins = new Map<string, Origin>();
  const sources = new Map<string, string>();
  const problems: Problem[] = [];
  const settings: Record<string, unknown> = {};

  for (const leaf of known) {
    const path = leaf.path.join('.');
    const flag = leaf.flag && flags[leaf.flag];
    const variable = variableOf(environment, leaf);
    const credential = leaf.credential && readCredential(environment, leaf.credential);
    const inFile = valueAt(written, leaf.path);
    const set = (origin: Origin, source: string, value: unknown) => {
      origins.set(path, origin);
      sources.set(path, source);
      assign(settings, leaf.path, value);
    };
    if (flag !== undefined && flag !== '') {
      const name = flagName(leaf.flag ?? '');
      set('flag', name, checked(leaf, flag, name, problems));
    } else if (variable !== null) {
      const [name, text] = variable;
      set('environment', name, checked(leaf, text, name, problems));
    } else if (leaf.credential && credential) {
      const name = `credential ${leaf.credential}`;
      set('credential', leaf.credential, checked(leaf, credential, name, problems));
    } else if (file !== null && inFile !== undefined) {
      set('file', file, inFile);
    } else {
      origins.set(path, 'default');
      const value = path === 'data_dir' ? defaultDataDir(environment) : leaf.default;
      assign(settings, leaf.path, value);
    }
  }
  if (problems.length > 0) throw new SettingsError(problems);

  const complete = settings as unknown as Settings;
  complete.server.host = complete.server.host.replace(/^\[(.*)\]$/, '$1');
  complete.data_dir = resolve(cwd, complete.data_dir);
  complete.overrides_dir = resolve(
    dirname(file ?? usual[0] ?? systemFile),
    complete.overrides_dir ?? 'overrides.d',
  );
  const ignored = local.filter((path) => existsSync(path) && isForeign(path, cwd));
  const resolved = { settings: complete, origins, sources, file, ignored };
  checkTogether(complete, (name) => sources.get(name) ?? 'its default');
  return resolved;
}

/** Every setting with its source, in the order of the schema. */
export function describeSettings({
  settings,
  origins,
  sources,
}: ResolvedSettings): DescribedSetting[] {
  return [...leaves(settingsSchema.properties)].map((leaf) => {
    const name = leaf.path.join('.');
    const origin = origins.get(name) ?? 'default';
    const value = valueAt(settings, leaf.path);
    // Lists and tables are set when they hold something.
    const isSet = value instanceof Object ? Object.keys(value).length > 0 : value !== null;
    const shown = leaf.secret ? (isSet ? '(set)' : null) : value;
    return { name, value: shown, origin, source: sources.get(name) ?? null };
  });
}

/** The daemon's default folder for its state; systemd names it in STATE_DIRECTORY. */
function defaultDataDir(environment: NodeJS.ProcessEnv): string {
  const { STATE_DIRECTORY, XDG_STATE_HOME } = environment;
  if (STATE_DIRECTORY) return STATE_DIRECTORY.split(':')[0] ?? STATE_DIRECTORY;
  if (process.getuid?.() === 0) return systemDataDir;
  if (XDG_STATE_HOME) return join(XDG_STATE_HOME, 'llmproxy');
  return join(homedir(), '.local/state/llmproxy');
}

/** The variable of a setting that is set to something: its name and value. */
function variableOf(
  environment: NodeJS.ProcessEnv,
  { env, envLower, envAlso }: Leaf,
): [name: string, text: string] | null {
  for (const name of [env, envLower && env?.toLowerCase(), envAlso]) {
    const text = name ? environment[name] : undefined;
    if (name && text) return [envLower && env ? env : name, text];
  }
  return null;
}

/** Converts text from the command line or the environment to the setting's type. */
function checked(leaf: Leaf, text: string, source: string, problems: Problem[]): unknown {
  const value = leaf.type === 'object' ? pairsIn(text) : numberIn(leaf, text);
  const validate = compileSchema(leaf.schema);
  if (!validate(value)) {
    // The value is text already: that it may be text is no advice.
    const told = validate.errors?.filter(({ params }) => params.type !== 'string');
    const reasons = toProblems(source, told).map(({ reason }) => reason);
    // A URL that is refused may be so for the password in it.
    const isHidden = leaf.secret || text.includes('://');
    const shown = isHidden ? '' : `, not "${shownName(text)}"`;
    const allowed = reasons.join(' or ').replaceAll(' or must be ', ' or ');
    problems.push({ source, path: '', reason: `${allowed}${shown}` });
  }
  return value;
}

function numberIn({ type }: Leaf, text: string): unknown {
  if (type === 'number') return /^\d*\.?\d+$/.test(text) ? Number(text) : text;
  const takesText = type !== 'integer' && type !== 'boolean';
  return /^-?\d+$/.test(text) && !(type && takesText) ? Number(text) : text;
}

/**
 * Parses OpenTelemetry's variables: `name=value` with commas between them, percent-encoded (W3C
 * Baggage); the text itself where it is something else.
 */
function pairsIn(text: string): unknown {
  try {
    const pairs = text.split(',').flatMap((pair): [string, string][] => {
      if (pair.trim() === '') return [];
      const at = pair.indexOf('=');
      if (at < 1) throw new Error('no pair');
      return [[pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())]];
    });
    return Object.fromEntries(pairs);
  } catch {
    return text;
  }
}

function flagName(flag: string): string {
  return `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
