import { parseArgs } from 'node:util';
import { defaultScenarios, type Rate, scenarios } from './scenarios.js';
import { allTargets, optionalTargets, type Peers } from './targets/all.js';

export interface BenchArguments {
  scenarios: string[];
  /** Null: all available ones. */
  targets: string[] | null;
  /** Duration of each measurement; a round has one or two. */
  seconds: number;
  rounds: number;
  /** Rate of the open loop; null takes the scenario's. */
  perSecond: Rate | null;
  jsonFile: string | null;
  peers: Peers;
}

/** An invalid command line; its message is for people. */
export class UsageError extends Error {}

/** Options that say where separately installed software is. */
const peerOptions = ['baseline', 'portkey', 'litellm', 'agentgateway', 'gomodel'] as const;

const targetNames = allTargets(peersOf({})).map(({ name }) => name);

export const usage = `Usage: npm run bench -- [options]

  --scenario NAMES   of ${scenarios.map(({ name }) => name).join(', ')}, or all
                     (default: ${defaultScenarios.join(',')})
  --target NAMES     of ${targetNames.slice(0, 5).join(', ')},
                     ${targetNames.slice(5).join(', ')}
                     (default: all that are available but ${optionalTargets.join(', ')})
  --seconds N        of each measurement (default: 5)
  --rounds N         the table shows the medians (default: 3)
  --rate N           requests a second of the open loop (default: the scenario's), or half: of
                     what each target can answer
  --json FILE        write every round and the medians
  --baseline DIR     another checkout of llmproxy, built by npm ci: target llmproxy-baseline
  --portkey DIR      where \`npm install --prefix DIR @portkey-ai/gateway\` was run
  --litellm DIR      a virtual environment of Python with \`litellm[proxy]\`
  --agentgateway FILE, --gomodel FILE   their executables
  --help

Example: npm run bench -- --scenario small,stream --target nginx,llmproxy --seconds 10`;

/**
 * Parses the command line; returns null where it asks for help.
 * @throws UsageError
 */
export function readArguments(argv: readonly string[]): BenchArguments | null {
  const values = parse(argv);
  if (values.help === true) {
    return null;
  }
  const known = scenarios.map(({ name }) => name);
  const wanted = names(values.scenario) ?? [...defaultScenarios];
  const targets = names(values.target);
  return {
    scenarios: wanted.includes('all') ? known : checkNames('--scenario', wanted, known),
    targets: targets === null ? null : checkNames('--target', targets, targetNames),
    seconds: readNumber('--seconds', values.seconds, 5),
    rounds: Math.ceil(readNumber('--rounds', values.rounds, 3)),
    perSecond: readRate(values.rate),
    jsonFile: values.json ?? null,
    peers: peersOf(values),
  };
}

function peersOf(values: Partial<Peers>): Peers {
  const given = peerOptions.map((name) => [name, values[name] ?? null]);
  return Object.fromEntries(given) as Peers;
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        scenario: { type: 'string', multiple: true },
        target: { type: 'string', multiple: true },
        seconds: { type: 'string' },
        rounds: { type: 'string' },
        rate: { type: 'string' },
        json: { type: 'string' },
        baseline: { type: 'string' },
        portkey: { type: 'string' },
        litellm: { type: 'string' },
        agentgateway: { type: 'string' },
        gomodel: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Options may be repeated, and each may hold several names separated by commas. */
function names(given: readonly string[] | undefined): string[] | null {
  return given?.flatMap((text) => text.split(',')).filter((name) => name !== '') ?? null;
}

function checkNames(option: string, wanted: string[], known: readonly string[]): string[] {
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`${option}: ${unknown} is not one of ${known.join(', ')}`);
  }
  return wanted;
}

function readRate(text: string | undefined): Rate | null {
  if (text === undefined || text === 'half') return text ?? null;
  return readNumber('--rate', text, 0);
}

function readNumber(option: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!(value > 0 && value <= 1_000_000)) {
    throw new UsageError(`${option}: must be a number from 1 to 1000000`);
  }
  return value;
}
