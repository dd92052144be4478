/** True if the command itself reports lost output, so that main.ts need not. */
export const lostOutput = { isToldByCommand: false };

/** Describes for people why a stream cannot be written. */
export function outputError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'EPIPE') return 'its reader is gone';
  if (code === 'ENOSPC') return 'no space is left';
  return error instanceof Error ? error.message : String(error);
}
