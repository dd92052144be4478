/** A request's place in the fair queue: its team, its key and its cost. */
export interface Claim {
  /** Name of the team; empty for keys without one, which share one turn. */
  readonly team: string;
  readonly teamWeight: number;
  /** Names the key. */
  readonly key: string;
  readonly keyWeight: number;
  /** Among the keys of a team, those with the highest number go first. */
  readonly priority: number;
  /** Estimated tokens; above 0. */
  readonly cost: number;
}

/** The claim of every request where requests are not distinguished. */
export const anyClaim: Claim = {
  team: '',
  teamWeight: 1,
  key: '',
  keyWeight: 1,
  priority: 0,
  cost: 1,
};

/** One that takes turns. */
interface Turn {
  weight: number;
  /** Credit saved for its next request. */
  deficit: number;
}

/** The waiting requests of one key, first come first served. */
interface Line<T> extends Turn {
  priority: number;
  waiting: { item: T; cost: number }[];
}

interface Team<T> extends Turn {
  size: number;
  lines: Map<string, Line<T>>;
  /** The line that is served next; recomputed after a change. */
  next: Next<Line<T>> | null;
}

/** The line that can pay first, and the rounds of credit that this takes. */
interface Next<F extends Turn> {
  name: string;
  turn: F;
  cost: number;
  given: number;
}

/**
 * A queue that is fair over teams, then over the keys of each: deficit round robin (Shreedhar and
 * Varghese, 1995) by the cost of waiting requests, in proportion to weights. A team or key with
 * nothing waiting accumulates no credit.
 */
export class FairQueue<T> {
  /** In the order of their turns. */
  readonly #teams = new Map<string, Team<T>>();
  size = 0;

  push(item: T, { team: name, teamWeight, key, keyWeight, priority, cost }: Claim): void {
    const team = getOr(this.#teams, name, () => ({
      ...{ weight: teamWeight, deficit: 0, size: 0, next: null },
      lines: new Map<string, Line<T>>(),
    }));
    const line = getOr(team.lines, key, () => ({
      ...{ weight: keyWeight, priority, deficit: 0 },
      waiting: [],
    }));
    team.weight = teamWeight;
    line.weight = keyWeight;
    line.priority = priority;
    line.waiting.push({ item, cost });
    team.next = null;
    team.size++;
    this.size++;
  }

  /** The next one; undefined when nothing waits. */
  shift(): T | undefined {
    const next = nextOf(this.#teams, (team) => nextLine(team).cost);
    if (!next) return undefined;
    const { name, turn: team } = next;
    const { name: key, turn: line, given } = nextLine(team);
    pay(this.#teams.values(), next.given, team, next.cost);
    pay(linesOf(team).values(), given, line, next.cost);
    const first = line.waiting.shift();
    this.#shrink(name, team, key, line);
    return first?.item;
  }

  /** Takes out the last one for which `isMeant` holds; false when there is none. */
  remove(isMeant: (item: T) => boolean): boolean {
    for (const [name, team] of this.#teams) {
      for (const [key, line] of team.lines) {
        const place = line.waiting.findLastIndex(({ item }) => isMeant(item));
        if (place < 0) continue;
        line.waiting.splice(place, 1);
        this.#shrink(name, team, key, line);
        return true;
      }
    }
    return false;
  }

  /**
   * Makes room for a team that has fewer waiting than another: removes the newest item of the team
   * with the most.
   * @returns undefined if no other team has more.
   */
  evictFor(name: string): T | undefined {
    const own = this.#teams.get(name)?.size ?? 0;
    let largest: [string, Team<T>] | null = null;
    for (const each of this.#teams) {
      if (each[1].size > (largest?.[1].size ?? own + 1)) largest = each;
    }
    if (!largest) return undefined;
    const [otherName, team] = largest;
    const [key, line] = [...team.lines].at(-1) as [string, Line<T>];
    const last = line.waiting.pop();
    this.#shrink(otherName, team, key, line);
    return last?.item;
  }

  #shrink(name: string, team: Team<T>, key: string, line: Line<T>): void {
    team.next = null;
    this.size--;
    team.size--;
    if (line.waiting.length === 0) team.lines.delete(key);
    if (team.size === 0) this.#teams.delete(name);
  }
}

function nextLine<T>(team: Team<T>): Next<Line<T>> {
  team.next ??= nextOf(linesOf(team), ({ waiting }) => waiting[0]?.cost ?? 0);
  return team.next as Next<Line<T>>;
}

/** The lines of the highest priority. */
function linesOf<T>({ lines }: Team<T>): Map<string, Line<T>> {
  let highest = Number.NEGATIVE_INFINITY;
  let isOne = true;
  for (const { priority } of lines.values()) {
    isOne &&= highest === priority || highest === Number.NEGATIVE_INFINITY;
    highest = Math.max(highest, priority);
  }
  return isOne ? lines : new Map([...lines].filter(([, line]) => line.priority === highest));
}

/** Skips whole rounds in which nobody could pay, in one step. */
function nextOf<F extends Turn>(
  turns: ReadonlyMap<string, F>,
  costOf: (turn: F) => number,
): Next<F> | null {
  let next: Next<F> | null = null;
  for (const [name, turn] of turns) {
    const cost = costOf(turn);
    const given = Math.max(0, (cost - turn.deficit) / turn.weight);
    if (!next || given < next.given) next = { name, turn, cost, given };
  }
  return next;
}

function pay(turns: Iterable<Turn>, given: number, turn: Turn, cost: number): void {
  for (const each of turns) each.deficit += given * each.weight;
  turn.deficit -= cost;
}

function getOr<V>(map: Map<string, V>, name: string, make: () => V): V {
  let value = map.get(name);
  if (value === undefined) {
    value = make();
    map.set(name, value);
  }
  return value;
}
