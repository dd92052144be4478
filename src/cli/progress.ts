/** Shorter work shows no progress. */
const afterMs = 1_000;
const frameMs = 100;
const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/**
 * Shows on a terminal's standard error the progress and duration of work that takes over a second,
 * and erases it at the end.
 * @param text such as `starting PostgreSQL`.
 */
export async function withProgress<T>(
  text: string,
  json: boolean | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const { stderr } = process;
  if (json || !stderr.isTTY || process.env.TERM === 'dumb') return await work();
  const startMs = performance.now();
  let shown = 0;
  const timer = setInterval(() => {
    const tookMs = performance.now() - startMs;
    if (tookMs < afterMs) return;
    const frame = frames[shown++ % frames.length];
    stderr.write(`\r${frame} ${text}… ${Math.floor(tookMs / 1000)} s\u001b[K`);
  }, frameMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if (shown > 0) stderr.write('\r\u001b[K');
  }
}
