import { execFile, spawnSync } from 'node:child_process';

/** For the `skip` of a test that needs an installed program: the reason, or false to run. */
export function skipWithout(program: string): string | false {
  const { error } = spawnSync(program, ['--version'], { stdio: 'ignore' });
  return error === undefined ? false : `${program} is not installed`;
}

export interface Ran {
  code: number;
  /** Standard output and error. */
  output: string;
}

/** Runs a program to its end. */
export function runProgram(program: string, args: string[], stdin = ''): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(program, args, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error ? 1 : 0;
      resolve({ code, output: stdout + stderr });
    });
    child.stdin?.end(stdin);
  });
}
