import { fstatSync, statSync } from 'node:fs';
import { CliError } from '../failure.js';
import { lostOutput, outputError } from '../output-error.js';

/**
 * Writes a text that cannot be shown again to standard output.
 * @param undone describes the state after an undo, such as "the key was not created".
 * @param undo called if the text cannot be written.
 * @throws CliError if the text cannot be written.
 */
export async function deliver(
  text: string,
  undone: string,
  undo: () => Promise<unknown>,
): Promise<void> {
  try {
    if (leadsNowhere()) throw new Error('it is closed, or /dev/null');
    lostOutput.isToldByCommand = true;
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(`${text}\n`, (error) => (error ? reject(error) : resolve()));
    });
    lostOutput.isToldByCommand = false;
  } catch (error) {
    await undo();
    throw new CliError(`cannot write to standard output: ${outputError(error)}; ${undone}`);
  }
}

/** True if standard output is /dev/null, which Node opens in place of a closed one. */
function leadsNowhere(): boolean {
  const output = fstatSync(1);
  return output.isCharacterDevice() && output.rdev === statSync('/dev/null').rdev;
}
