import { fstatSync, statSync } from 'node:fs';
import { CliError } from './failure.js';
import { lostOutput, outputError } from './output-error.js';

/**
 * Writes what is shown once to standard output.
 * @param undone what is as it was when that fails, such as "the key was not created".
 * @param undo makes it so.
 * @throws CliError when nobody gets it.
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

/** Node opens /dev/null in the place of an output that is closed. */
function leadsNowhere(): boolean {
  const output = fstatSync(1);
  return output.isCharacterDevice() && output.rdev === statSync('/dev/null').rdev;
}
