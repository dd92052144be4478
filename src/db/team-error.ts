/** A key names a team that does not exist, or a team to delete still has keys. */
export class TeamError extends Error {
  override readonly name = 'TeamError';
}

/** The error to rethrow for a failed write: a TeamError if keys and teams do not match. */
export function orTeamError(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && error.code === '23503')) return error;
  const detail = 'detail' in error ? String(error.detail) : '';
  const name = /^Key \(\w+\)=\((.*)\) is /s.exec(detail)?.[1] ?? '';
  return new TeamError(
    detail.includes('still referenced')
      ? `keys belong to the team "${name}"`
      : `there is no team "${name}"`,
  );
}
