import { visible } from '../observe/visible.js';
import { CliError, usageError } from './failure.js';
import { note } from './output.js';

type Prompts = typeof import('@clack/prompts');

const ctrlD = '\u0004';

/** Questions go to standard error: standard output is the result's. */
const onTerminal = { output: process.stderr, withGuide: false };

/** Whether a person can be asked: never where input or output is a script's. */
export function canAsk(json: boolean | undefined): boolean {
  return !json && process.stdin.isTTY === true && process.stderr.isTTY === true;
}

export interface TextQuestion {
  question: string;
  /** Such as an example, which is shown while nothing is typed. */
  hint: string;
  /** Why an answer cannot be used; null when it can. */
  problem?: (text: string) => string | null;
}

/**
 * Asks for a text until one can be used.
 * @throws CliError where the person leaves.
 */
export async function askText({ question, hint, problem }: TextQuestion): Promise<string> {
  const options = {
    ...onTerminal,
    message: question,
    placeholder: hint,
    validate: typed(problem),
  };
  return (await answer(({ text }) => text(options))).trim();
}

/**
 * Asks for an argument that was not given.
 * @throws CliError: a usage error where nobody can be asked.
 */
export async function askArgument(
  name: string,
  question: TextQuestion,
  json: boolean | undefined,
): Promise<string> {
  if (canAsk(json)) return await askText(question);
  throw usageError(`missing required argument '${name}'`);
}

/**
 * Asks for a secret, which is not shown as it is typed.
 * @throws CliError where the person leaves.
 */
export async function askSecret(question: string): Promise<string> {
  const options = { ...onTerminal, message: `${question} (not shown)`, validate: typed() };
  return (await answer(({ password }) => password(options))).trim();
}

/** What the library asks of what was typed: a reason why not, or nothing. */
function typed(problem?: TextQuestion['problem']): (text?: string) => string | undefined {
  return (text = '') =>
    text.trim() === '' ? 'nothing was typed' : (problem?.(text.trim()) ?? undefined);
}

export interface Deletion {
  /** Such as `provider openai`. */
  what: string;
  /** What else is lost with it, or null. */
  consequence?: string;
  yes: boolean | undefined;
  json: boolean | undefined;
}

/**
 * Lets a deletion through that was confirmed, with `--yes` or by a person.
 * @throws CliError: a usage error where nobody can be asked, a failure where the answer was no.
 */
export async function confirmDeletion(deletion: Deletion): Promise<void> {
  const { what, consequence, yes, json } = deletion;
  if (yes) return;
  if (!canAsk(json)) {
    throw usageError(`deleting ${what} is to be confirmed`, 'repeat the command with --yes');
  }
  if (consequence) note(consequence);
  if (!(await askYes(`Delete ${what}?`))) throw new CliError('nothing was deleted');
}

/**
 * Asks a question whose answer is yes or no; no unless told otherwise.
 * @throws CliError where the person leaves.
 */
export function askYes(question: string): Promise<boolean> {
  const options = { ...onTerminal, message: visible(question), initialValue: false };
  return answer(({ confirm }) => confirm(options));
}

/**
 * The answer of a prompt. The library is loaded here, since few commands ask anything.
 * @throws CliError when Ctrl-C, Ctrl-D or Escape is pressed.
 */
async function answer<T>(ask: (prompts: Prompts) => Promise<T>): Promise<Exclude<T, symbol>> {
  const prompts = await import('@clack/prompts');
  prompts.updateSettings({ aliases: { [ctrlD]: 'cancel' } });
  const given = await ask(prompts);
  if (typeof given === 'symbol') throw new CliError('nothing was done');
  return given as Exclude<T, symbol>;
}
