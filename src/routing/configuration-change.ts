import type { Configuration, Credential, Provider, Team } from '../config/configuration.js';
import type { Budget } from '../config/rows/budget.js';
import type { CachePurge } from '../config/rows/cache.js';
import type { Canary } from '../config/rows/canary.js';
import type { Guardrail } from '../config/rows/guardrail.js';
import type { Mirror } from '../config/rows/mirror.js';
import type { Stop } from '../config/rows/stop.js';

/** Credentials before and after; a changed one is in both. */
export interface CredentialChange {
  removed: readonly Credential[];
  added: readonly Credential[];
}

/** The complete difference of a configuration to the one before, where it is known. */
export interface KnownChange extends CredentialChange {
  /** True where something besides credentials may have changed. */
  hasOthers: boolean;
}

/** The difference between two configurations, as large as the change, not the tables. */
export interface ConfigurationChange extends CredentialChange {
  version: number;
  /** All enabled providers in order, unchanged ones by their key only; null: all are unchanged. */
  providers: (Provider | string)[] | null;
  teams: Team[];
  budgets: Budget[];
  stops: Stop[];
  guardrails: Guardrail[];
  /** All there are, by id. */
  purges: CachePurge[];
  mirrors: Mirror[];
  canaries: Canary[];
  /** New or changed, including those of which only the team changed. */
  added: readonly Credential[];
  /** Changed and deleted credentials as they were before. */
  removed: readonly Credential[];
}

/**
 * Splits a change of many credentials: whoever took all at once would do nothing else meanwhile.
 * @returns pieces of at most `max` credentials, which come first, and the rest of the change.
 */
export function inPieces(
  change: ConfigurationChange,
  max: number,
): { pieces: CredentialChange[]; rest: ConfigurationChange } {
  const { removed, added } = change;
  if (removed.length + added.length <= max) return { pieces: [], rest: change };
  const pieces = [
    ...slices(removed, max).map((some) => ({ removed: some, added: [] })),
    ...slices(added, max).map((some) => ({ removed: [], added: some })),
  ];
  return { pieces, rest: { ...change, removed: [], added: [] } };
}

function slices<T>(all: readonly T[], max: number): T[][] {
  const count = Math.ceil(all.length / max);
  return Array.from({ length: count }, (_, n) => all.slice(n * max, (n + 1) * max));
}

/** The difference if only these credentials changed. */
export function changeOfCredentials(
  after: Configuration,
  { removed, added }: CredentialChange,
): ConfigurationChange {
  return { ...smallTables(after), providers: null, added, removed };
}

/** Sent whole: comparing would cost as much. */
function smallTables(configuration: Configuration) {
  const { version, teams, budgets, stops, guardrails, purges, mirrors, canaries } = configuration;
  return {
    ...{ version, teams },
    budgets: budgets ?? [],
    stops: stops ?? [],
    guardrails: guardrails ?? [],
    purges: purges ?? [],
    mirrors: mirrors ?? [],
    canaries: canaries ?? [],
  };
}

/** @param known spares comparing what has not changed; null: anything may have. */
export function changeBetween(
  before: Configuration,
  after: Configuration,
  known: KnownChange | null = null,
): ConfigurationChange {
  if (known && !known.hasOthers) return changeOfCredentials(after, known);
  const providers = new Map(enabled(before).map((one) => [one.provider_key, one]));
  return {
    ...smallTables(after),
    providers: enabled(after).map((provider) => {
      const old = providers.get(provider.provider_key);
      return old && isSameRow(old, provider) ? provider.provider_key : provider;
    }),
    ...(known ? withKeysOfTeams(before, after, known) : credentialsBetween(before, after)),
  };
}

/** The change, and the keys of teams that have changed: a key's limits and models depend on its team. */
function withKeysOfTeams(
  before: Configuration,
  after: Configuration,
  { removed, added }: CredentialChange,
): CredentialChange {
  const same = teamsInBoth(before.teams, after.teams);
  const changed = new Set(after.teams.map(({ name }) => name).filter((name) => !same.has(name)));
  if (changed.size === 0) return { removed, added };
  const known = new Set(added);
  const others = after.credentials.filter(
    (each) => each.team && changed.has(each.team) && !known.has(each),
  );
  return { removed: [...removed, ...others], added: [...added, ...others] };
}

function credentialsBetween(before: Configuration, after: Configuration): CredentialChange {
  const sameTeams = teamsInBoth(before.teams, after.teams);
  const credentials = new Map(before.credentials.map((one) => [one.credential_key, one]));
  const added: Credential[] = [];
  for (const credential of after.credentials) {
    const old = credentials.get(credential.credential_key);
    const isOfSameTeam = !credential.team || sameTeams.has(credential.team);
    if (old && isOfSameTeam && isSameRow(old, credential))
      credentials.delete(credential.credential_key);
    else added.push(credential);
  }
  return { added, removed: [...credentials.values()] };
}

/** The names of teams that have not changed. */
function teamsInBoth(before: readonly Team[], after: readonly Team[]): Set<string> {
  const teams = new Map(before.map((team) => [team.name, team]));
  const same = after.filter((team) => {
    const old = teams.get(team.name);
    return old && isSameRow(old, team);
  });
  return new Set(same.map(({ name }) => name));
}

function enabled({ providers }: Configuration): Provider[] {
  return providers.filter(({ is_enabled }) => is_enabled);
}

/** Compares deeply, without regard to prototypes: the order of fields counts, since that of mappings does. */
export function isSameRow(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!(a instanceof Object && b instanceof Object) || Array.isArray(a) !== Array.isArray(b)) {
    return false;
  }
  const [names, others] = [Object.keys(a), Object.keys(b)];
  return (
    names.length === others.length &&
    names.every(
      (name, place) =>
        name === others[place] && isSameRow(Reflect.get(a, name), Reflect.get(b, name)),
    )
  );
}

/**
 * The rows of a list; those that are as before are the same objects, so that whoever compares rows
 * need not read them. Names are unique.
 */
export function reusingRows<Row extends object>(
  before: readonly Row[] | undefined,
  after: Row[],
  nameOf: (row: Row) => unknown,
): Row[] {
  const known = new Map(before?.map((row) => [nameOf(row), row]));
  return after.map((row) => {
    const old = known.get(nameOf(row));
    return old !== undefined && isSameRow(old, row) ? old : row;
  });
}
