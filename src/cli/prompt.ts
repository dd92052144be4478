import { visible } from '../observe/visible.js';
import { CliError, usageError } from './failure.js';
import { note } from './output.js';

type Prompts = typeof import('@clack/prompts');

const ctrlD = '\u0004';

/** Questions go to standard error, since standard output is for the result. */
const onTerminal = { output: process.stderr, withGuide: false };

/** True if a person can be asked: input and standard error are terminals, and `json` is not set. */
export function canAsk(json: boolean | undefined): boolean {
  return !json && process.stdin.isTTY === true && process.stderr.isTTY === true;
}

export interface TextQuestion {
  question: string;
  /** A placeholder, such as an example. */
  hint: string;
  /** Validates an answer; returns the reason to refuse it, or null. */
  problem?: (text: string) => string | null;
}

/** Asks for a text until a valid one is given. @throws CliError if the person cancels. */
export async function askText({ question, hint, problem }: TextQuestion): Promise<string> {
  const options = {
    ...onTerminal,
    message: visible(question),
    placeholder: visible(hint),
    validate: typed(problem),
  };
  return (await answer(({ text }) => text(options))).trim();
}

/** Asks for a missing argument. @throws CliError: a usage error if nobody can be asked. */
export async function askArgument(
  name: string,
  question: TextQuestion,
  json: boolean | undefined,
): Promise<string> {
  if (canAsk(json)) return await askText(question);
  throw usageError(`missing required argument '${name}'`);
}

/** Asks for a secret without showing it. @throws CliError if the person cancels. */
export async function askSecret(question: string): Promise<string> {
  const options = { ...onTerminal, message: visible(`${question} (not shown)`), validate: typed() };
  return (await answer(({ password }) => password(options))).trim();
}

/** Adapts `problem` to the library: returns a reason to refuse the text, or undefined. */
function typed(problem?: TextQuestion['problem']): (text?: string) => string | undefined {
  return (text = '') =>
    text.trim() === '' ? 'nothing was typed' : (problem?.(text.trim()) ?? undefined);
}

export interface Deletion {
  /** Such as `provider openai`. */
  what: string;
  /** Further consequences, if any. */
  consequence?: string;
  yes: boolean | undefined;
  json: boolean | undefined;
}

/**
 * Requires confirmation of a deletion, by `--yes` or by the user.
 * @throws CliError: a usage error if nobody can be asked, a failure if the answer is no.
 */
export async function confirmDeletion(deletion: Deletion): Promise<void> {
  const { what, consequence, yes, json } = deletion;
  if (yes) return;
  if (!canAsk(json)) {
    throw usageError(`deleting ${what} needs confirmation`, 'repeat the command with --yes');
  }
  if (consequence) note(consequence);
  if (!(await askYes(`Delete ${what}?`))) throw new CliError('nothing was deleted');
}

/** Asks a yes-or-no question; the default is no. @throws CliError if the person cancels. */
export function askYes(question: string): Promise<boolean> {
  const options = { ...onTerminal, message: visible(question), initialValue: false };
  return answer(({ confirm }) => confirm(options));
}

/**
 * Runs a prompt. Loads the library here, since few commands need it.
 * @throws CliError when Ctrl-C, Ctrl-D or Escape is pressed.
 */
async function answer<T>(ask: (prompts: Prompts) => Promise<T>): Promise<Exclude<T, symbol>> {
  const prompts = await import('@clack/prompts');
  prompts.updateSettings({ aliases: { [ctrlD]: 'cancel' } });
  const given = await ask(prompts);
  if (typeof given === 'symbol') throw new CliError('nothing was done');
  return given as Exclude<T, symbol>;
}
