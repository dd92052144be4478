import { DatabaseError } from './database-error.js';

/**
 * Rejects when `work` takes longer than `timeoutMs`: on a half-open connection a query may neither
 * end nor fail for minutes. Use it for connections that are closed afterwards; see `withDeadline`.
 */
export async function deadline<T>(
  work: PromiseLike<T>,
  timeoutMs: number,
  what: string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new DatabaseError(`${what} took longer than ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([work, expiry]);
  } finally {
    clearTimeout(timer);
  }
}
