import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CliError, usageError } from './failure.js';
import { paint } from './output.js';

/** Whether a person can be asked: never where input or output is a script's. */
export function canAsk(json: boolean | undefined): boolean {
  return !json && process.stdin.isTTY === true && process.stderr.isTTY === true;
}

export interface TextQuestion {
  question: string;
  /** Such as an example. */
  hint?: string;
  /** Why an answer cannot be used; null when it can. */
  problem?: (text: string) => string | null;
}

/** Asks for a text until one can be used. */
export async function askText({ question, hint, problem }: TextQuestion): Promise<string> {
  for (;;) {
    const suffix = hint ? ` ${paint('dim', `(${hint})`, process.stderr)}` : '';
    const text = (await read(`${question}${suffix}: `, true)).trim();
    const wrong = text === '' ? 'nothing was typed' : (problem?.(text) ?? null);
    if (wrong === null) return text;
    process.stderr.write(`${paint('yellow', wrong, process.stderr)}\n`);
  }
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

/** Asks for a secret, which is not shown as it is typed. */
export async function askSecret(question: string): Promise<string> {
  for (;;) {
    const text = (
      await read(`${question} ${paint('dim', '(not shown)', process.stderr)}: `, false)
    ).trim();
    if (text !== '') return text;
    process.stderr.write(`${paint('yellow', 'nothing was typed', process.stderr)}\n`);
  }
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
  if (consequence) process.stderr.write(`${consequence}\n`);
  if (!(await askYes(`Delete ${what}?`))) throw new CliError('nothing was deleted');
}

/**
 * One line of the terminal. Questions go to standard error: standard output is the result's.
 * @throws CliError when the input ends or Ctrl-C is pressed.
 */
function read(prompt: string, echo: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const muted = new Writable({ write: (_chunk, _encoding, done) => done() });
    if (!echo) process.stderr.write(prompt);
    const lines = createInterface({
      input: process.stdin,
      output: echo ? process.stderr : muted,
      terminal: true,
      historySize: 0,
    });
    let answered = false;
    lines.question(echo ? prompt : '', (text) => {
      answered = true;
      if (!echo) process.stderr.write('\n');
      lines.close();
      resolve(text);
    });
    lines.once('SIGINT', () => lines.close());
    lines.once('close', () => {
      if (answered) return;
      process.stderr.write('\n');
      reject(new CliError('nothing was done'));
    });
  });
}

/** Asks a question whose answer is yes or no; no unless told otherwise. */
export async function askYes(question: string): Promise<boolean> {
  const answer = await read(`${question} ${paint('dim', '[y/N]', process.stderr)} `, true);
  return /^y(es)?$/i.test(answer.trim());
}
