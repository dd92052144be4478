/** Options of a mock provider. All but `port`, `host` and `name` may change while it runs. */
export interface MockOptions {
  /** 0 takes a free port. */
  port?: number;
  host?: string;
  /** Sent as `x-mock-provider`, so that a test can tell providers apart. */
  name?: string;
  /** Wait before the first byte of an answer. */
  latencyMs?: number;
  /** Content chunks of a streamed answer; also the completion tokens it reports. */
  chunks?: number;
  /** Wait between the chunks of a stream; 0 sends them all at once. */
  chunkIntervalMs?: number;
  /** Share of the requests, 0 to 1, that are answered with 500. */
  failRate?: number;
  /** Selects the requests that `failRate` hits, repeatably. */
  seed?: number;
}

/** The options that `POST /mock/config` may change. */
export type Behaviour = Required<Omit<MockOptions, 'port' | 'host' | 'name'>>;

export const defaultBehaviour: Readonly<Behaviour> = {
  latencyMs: 0,
  chunks: 30,
  chunkIntervalMs: 20,
  failRate: 0,
  seed: 1,
};

/** The port that `llmproxy mock-provider` listens on when none is given. */
export const defaultPort = 18080;

const limits: Record<keyof Behaviour, { min: number; max: number; integer: boolean }> = {
  latencyMs: { min: 0, max: 3_600_000, integer: false },
  chunks: { min: 1, max: 1_000_000, integer: true },
  chunkIntervalMs: { min: 0, max: 3_600_000, integer: false },
  failRate: { min: 0, max: 1, integer: false },
  seed: { min: 0, max: 0xffffffff, integer: true },
};

/**
 * Returns the behaviour with these changes.
 * @throws RangeError naming the field that is unknown or out of range.
 */
export function changeBehaviour(current: Behaviour, changes: Record<string, unknown>): Behaviour {
  const next = { ...current };
  for (const [name, value] of Object.entries(changes)) {
    if (!isField(name)) {
      throw new RangeError(`${name}: unknown; known are ${Object.keys(limits).join(', ')}`);
    }
    next[name] = checkNumber(name, value, limits[name]);
  }
  return next;
}

/** The part of the options that may change at run time, completed with the defaults. */
export function behaviourOf(options: MockOptions): Behaviour {
  const { port: _port, host: _host, name: _name, ...given } = options;
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return changeBehaviour(defaultBehaviour, Object.fromEntries(set));
}

function isField(name: string): name is keyof Behaviour {
  return Object.hasOwn(limits, name);
}

function checkNumber(
  name: string,
  value: unknown,
  { min, max, integer }: { min: number; max: number; integer: boolean },
): number {
  const fits =
    typeof value === 'number' &&
    value >= min &&
    value <= max &&
    (!integer || Number.isInteger(value));
  if (!fits) {
    throw new RangeError(
      `${name}: must be ${integer ? 'an integer' : 'a number'} from ${min} to ${max}`,
    );
  }
  return value;
}
