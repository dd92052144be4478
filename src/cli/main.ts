import { CommanderError } from 'commander';
import { toFailure } from './failure.js';
import { printFailure } from './output.js';
import { lostOutput, outputError } from './output-error.js';
import { buildProgram, commandPath } from './program.js';

// Node would open its debugger, by which every user of the machine could read all secrets.
process.on('SIGUSR1', () => {});

// A reader that stops early (`llmproxy keys list | head -1`) is not a failure, and the command runs
// to its end to close what it has opened. A full disk or a lost terminal is a failure, but must not
// end a daemon.
let isOutputLost = false;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE' || isOutputLost || lostOutput.isToldByCommand) return;
  isOutputLost = true;
  process.exitCode = 1;
  const message = `cannot write to standard output: ${outputError(error)}`;
  printFailure({ message, hint: null, exitCode: 1 }, process.argv.includes('--json'));
});
process.stderr.on('error', () => {});

process.exitCode = (await run(process.argv.slice(2))) || (isOutputLost ? 1 : 0);

/**
 * Runs the command line.
 * @returns the exit code: 0, 1 for a failure, 2 for a usage error.
 */
async function run(args: string[]): Promise<number> {
  const program = await buildProgram(args);
  const path = commandPath(program, args);
  // Hides the arguments, which may hold secrets, from `ps`.
  process.title = path;
  if (args.length === 0) {
    program.outputHelp();
    return 0;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      // The help for a missing subcommand has already been printed.
      if (error.code === 'commander.help') return 2;
    }
    const failure = toFailure(error);
    const hint = failure.hint ?? (failure.exitCode === 2 ? `see: ${path} --help` : null);
    printFailure({ ...failure, hint }, args.includes('--json'));
    return failure.exitCode;
  }
}
