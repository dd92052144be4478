/** Who tells of an output that cannot be written to: the command itself, or whoever runs it. */
export const lostOutput = { isToldByCommand: false };

/** Why a stream cannot be written to, for a person. */
export function outputError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'EPIPE') return 'its reader is gone';
  if (code === 'ENOSPC') return 'no space is left';
  return error instanceof Error ? error.message : String(error);
}
