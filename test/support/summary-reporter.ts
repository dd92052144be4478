import type { TestEvent } from 'node:test/reporters';

const shownFiles = 10;

/** A reporter that ends with the files whose tests took longest, and each skipped test with its reason. */
export default async function* summary(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const msByFile = new Map<string, number>();
  const skipped: string[] = [];
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { name, nesting, file, skip, details } = data;
    if (skip) skipped.push(`${name}: ${skip === true ? 'no reason given' : skip}`);
    if (nesting > 0 || file === undefined) continue;
    msByFile.set(file, (msByFile.get(file) ?? 0) + details.duration_ms);
  }
  const slowest = [...msByFile].sort(([, a], [, b]) => b - a).slice(0, shownFiles);
  for (const [file, ms] of slowest) yield `== slowest: ${(ms / 1_000).toFixed(1)} s in ${file}\n`;
  for (const each of skipped) yield `== skipped: ${each}\n`;
}
