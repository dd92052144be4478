import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { proxyProblem } from '../network/http-proxy.js';
import { isLoopback } from '../network/is-loopback.js';
import { networkProblem, unixPeer } from '../network/networks.js';
import { parseYaml } from '../yaml/parse-yaml.js';
import { pathOwner, SharedPathError } from './path-owner.js';
import { describeProblem, type Problem, shownName } from '../problem.js';
import { compileSchema, toProblems } from '../schema.js';
import { isReference, parseReference } from '../secrets/secret-reference.js';
import { type Settings, settingsSchema, type TlsSettings } from './settings-schema.js';

export type { Settings } from './settings-schema.js';

/** The source of a setting's value. */
export type Origin = 'default' | 'file' | 'credential' | 'environment' | 'flag';

/** Values from the command line, by the schema's `flag` names, and the settings file. */
export interface SettingsFlags {
  config?: string;
  host?: string;
  port?: string;
  engine?: string;
  workers?: string;
  dbUrl?: string;
  dataDir?: string;
  logLevel?: string;
}

export interface ResolvedSettings {
  settings: Settings;
  /** By path, such as `server.port`. */
  origins: ReadonlyMap<string, Origin>;
  /** The flag, variable, credential or file, by path, of all that is no default. */
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

/** Read at load time, before commands started by root switch to the owner of the data directory. */
const isRoot = process.getuid?.() === 0;
const systemFile = '/etc/llmproxy/llmproxy.yaml';

/** An invalid setting: the message names the flag, the variable or the file's field. */
export class SettingsError extends Error {
  constructor(problems: readonly Problem[]) {
    super(problems.map(describeProblem).join('\n'));
    this.name = 'SettingsError';
  }
}

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
  const environment = { ...(dotEnv ? readDotEnv(dotEnv) : {}), ...process.env };
  const usual = localFile ? [localFile, systemFile] : [systemFile];
  const file = findSettingsFile(flags.config ?? environment.LLMPROXY_CONFIG, cwd, usual);
  const written = file === null ? {} : readSettingsFile(file);
  const origins = new Map<string, Origin>();
  const sources = new Map<string, string>();
  const problems: Problem[] = [];
  const settings: Record<string, unknown> = {};

  for (const leaf of leaves(settingsSchema.properties)) {
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
  checkTogether(resolved);
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
    const value = valueAt({ ...settings }, leaf.path);
    // Lists and tables are set when they hold something.
    const isSet = value instanceof Object ? Object.keys(value).length > 0 : value !== null;
    const shown = leaf.secret ? (isSet ? '(set)' : null) : value;
    return { name, value: shown, origin, source: sources.get(name) ?? null };
  });
}

/** Root's data directory, unless told otherwise: that of a gateway for the whole machine. */
export const systemDataDir = '/var/lib/llmproxy';

/** The daemon's default folder for its state; systemd names it in STATE_DIRECTORY. */
function defaultDataDir(environment: NodeJS.ProcessEnv): string {
  const { STATE_DIRECTORY, XDG_STATE_HOME } = environment;
  if (STATE_DIRECTORY) return STATE_DIRECTORY.split(':')[0] ?? STATE_DIRECTORY;
  if (process.getuid?.() === 0) return systemDataDir;
  if (XDG_STATE_HOME) return join(XDG_STATE_HOME, 'llmproxy');
  return join(homedir(), '.local/state/llmproxy');
}

/** True for a file of the working directory that root must not trust: another user controls it. */
function isForeign(file: string, cwd: string): boolean {
  try {
    return isRoot && [cwd, file].some((path) => pathOwner(path) !== null);
  } catch (error) {
    if (error instanceof SharedPathError) return true;
    throw error;
  }
}

function readDotEnv(file: string): NodeJS.ProcessEnv {
  if (!existsSync(file)) return {};
  const text = readSettingsText(file);
  refuseCutUrl(file, text);
  return parseEnv(text) as NodeJS.ProcessEnv;
}

/**
 * An unquoted `#` begins a comment: the rest of a password would be lost, and the error would be
 * about what is left of the URL.
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

/** A secret passed by systemd's LoadCredential=; undefined without one. */
function readCredential(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const folder = environment.CREDENTIALS_DIRECTORY;
  if (!folder) return undefined;
  const file = join(folder, name);
  return existsSync(file) ? readSettingsText(file).trim() : undefined;
}

/** A named file must exist; the default places are optional. */
function findSettingsFile(
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

function readSettingsFile(file: string): Record<string, unknown> {
  const problems: Problem[] = [];
  const text = parseYaml(file, readSettingsText(file), problems);
  if (problems.length > 0) throw new SettingsError(problems);
  const written = withoutEmptySections(text, settingsSchema.properties);
  if (!validateFile(written)) throw new SettingsError(toProblems(file, validateFile.errors));
  return written as Record<string, unknown>;
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

function readSettingsText(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    const reason = `cannot be read: ${error instanceof Error ? error.message : error}`;
    throw new SettingsError([{ source: file, path: '', reason }]);
  }
}

const validateFile = compileSchema(settingsSchema);

interface Leaf {
  path: string[];
  schema: object;
  type: unknown;
  default: unknown;
  secret: boolean | undefined;
  env: string | undefined;
  /** Another one, which counts where that is not set. */
  envAlso: string | undefined;
  /** The variable counts in lower case as well. */
  envLower: boolean | undefined;
  credential: string | undefined;
  flag: Exclude<keyof SettingsFlags, 'config'> | undefined;
}

function* leaves(properties: object, path: string[] = []): Generator<Leaf> {
  for (const [name, schema] of Object.entries(properties)) {
    if (schema.properties) yield* leaves(schema.properties, [...path, name]);
    else yield { ...schema, schema, path: [...path, name] };
  }
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
    const reasons = toProblems(source, validate.errors).map(({ reason }) => reason);
    const shown = leaf.secret ? '' : `, not "${shownName(text)}"`;
    problems.push({ source, path: '', reason: `${reasons.join(', or ')}${shown}` });
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

/** Refuses settings that only the engine `net` supports, and incomplete combinations. */
function checkListeners({ server, admin }: Settings): void {
  const { engine, host } = server;
  const isNet = engine === 'auto' || engine === 'net';
  if (host.startsWith('unix:') && !isNet) {
    throw refusal('server.host', `the engine ${engine} takes no path`);
  }
  if (server.tls.cert !== null && !isNet) {
    throw refusal('server.tls', `the engine ${engine} has none`);
  }
  checkTls('server.tls', server.tls);
  checkTls('admin.tls', admin.tls);
  if (admin.tls.cert !== null && admin.listen === null) {
    throw refusal(
      'admin.tls',
      'is of no use without admin.listen; on the main port, see server.tls',
    );
  }
}

function checkTls(path: string, { cert, key, client_ca }: TlsSettings): void {
  if ((cert === null) !== (key === null)) throw refusal(path, 'cert and key are needed together');
  if (client_ca !== null && cert === null) {
    throw refusal(`${path}.client_ca`, 'is of no use without cert and key');
  }
}

function refusal(path: string, reason: string): SettingsError {
  return new SettingsError([{ source: 'settings', path, reason }]);
}

function checkTogether(resolved: ResolvedSettings): void {
  const { auth, server, admin, upstream } = resolved.settings;
  checkAdminKeys(admin.keys);
  checkListeners(resolved.settings);
  const proxies = server.trusted_proxies.filter((entry) => entry !== unixPeer);
  checkNetworks('server.trusted_proxies', proxies);
  checkNetworks('admin.allow_from', admin.allow_from);
  checkProxyProtocol(server);
  checkOidc(resolved.settings.console);
  const source = (name: string) => {
    const found = describeSettings(resolved).find((setting) => setting.name === name);
    return found?.source ?? 'its default';
  };
  checkProxies(upstream, source);
  checkTraces(resolved.settings.traces);
  if (auth !== 'off' || isLoopback(server.host)) return;
  throw new SettingsError([
    {
      source: source('auth'),
      path: 'auth',
      reason: `off is refused unless server.host is a loopback address, not ${server.host} (from ${source('server.host')})`,
    },
  ]);
}

/** Names must be unique because the history shows them; `admin` is the name of `admin.key`. */
function checkAdminKeys(keys: Settings['admin']['keys']): void {
  const problems: Problem[] = [];
  const names = new Set(['admin']);
  for (const [index, { name, key, key_sha256, expires_at }] of keys.entries()) {
    const add = (reason: string) =>
      problems.push({ source: 'settings', path: `admin.keys.${index}`, reason });
    if (names.has(name)) add(`another admin key is named "${name}"`);
    names.add(name);
    if ((key === undefined) === (key_sha256 === undefined)) {
      add('needs one of "key" and "key_sha256"');
    }
    if (expires_at !== undefined && Number.isNaN(Date.parse(expires_at))) {
      add('"expires_at" is not a time');
    }
  }
  if (problems.length > 0) throw new SettingsError(problems);
}

/** A sign-in passes the browser: its pages and the provider must be reached by TLS, or be here. */
function checkOidc({ url, oidc }: Settings['console']): void {
  if (oidc.issuer === null) return;
  const refuse = (path: string, reason: string) => {
    throw new SettingsError([{ source: 'settings', path, reason }]);
  };
  const isSafe = (text: string) => {
    const { protocol, hostname } = new URL(text);
    return protocol === 'https:' || isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'));
  };
  if (!isSafe(oidc.issuer)) refuse('console.oidc.issuer', 'must begin with https://');
  if (oidc.client_id === null) refuse('console.oidc.client_id', 'is needed with an issuer');
  if (url === null) refuse('console.url', 'is needed with console.oidc: it is where people return');
  else if (!isSafe(url)) refuse('console.url', 'must begin with https:// to sign in by OpenID');
  if (Object.keys(oidc.roles).length === 0) {
    refuse('console.oidc.roles', 'gives nobody a role, so nobody could sign in');
  }
}

function checkTraces({ headers, tls }: Settings['traces']): void {
  if ((tls.cert === null) !== (tls.key === null)) {
    throw refusal('traces.tls', 'cert and key are needed together');
  }
  for (const [name, value] of Object.entries(headers)) {
    const reference = isReference(value) ? parseReference(value) : null;
    if (typeof reference === 'string') throw refusal(`traces.headers.${name}`, reference);
  }
}

function checkProxyProtocol(server: Settings['server']): void {
  const { proxy_protocol, engine, host, tls, trusted_proxies } = server;
  if (!proxy_protocol) return;
  const isNet = engine === 'auto' || engine === 'net';
  if (!isNet || trusted_proxies.length === 0) {
    const reason = 'needs server.engine: net, and the proxies in server.trusted_proxies';
    throw refusal('server.proxy_protocol', reason);
  }
  if (host.startsWith('unix:') && tls.cert !== null) {
    throw refusal('server.proxy_protocol', 'does not go with server.tls on a unix socket');
  }
}

function checkProxies(upstream: Settings['upstream'], source: (name: string) => string): void {
  for (const name of ['https_proxy', 'http_proxy'] as const) {
    const path = `upstream.${name}`;
    const reason = upstream[name] === null ? null : proxyProblem(upstream[name]);
    if (reason) throw new SettingsError([{ source: source(path), path, reason }]);
  }
}

function checkNetworks(path: string, entries: readonly string[]): void {
  const reasons = entries.map(networkProblem).filter((reason) => reason !== null);
  if (reasons.length === 0) return;
  throw new SettingsError(reasons.map((reason) => ({ source: 'settings', path, reason })));
}

function flagName(flag: string): string {
  return `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function valueAt(tree: Record<string, unknown>, path: string[]): unknown {
  return path.reduce<unknown>(
    (node, name) =>
      node !== null && typeof node === 'object' ? Reflect.get(node, name) : undefined,
    tree,
  );
}

function assign(tree: Record<string, unknown>, path: string[], value: unknown): void {
  const last = path[path.length - 1] ?? '';
  let node = tree;
  for (const name of path.slice(0, -1)) {
    node[name] ??= {};
    node = node[name] as Record<string, unknown>;
  }
  node[last] = value;
}
