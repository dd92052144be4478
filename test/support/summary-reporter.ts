import type { TestEvent } from 'node:test/reporters';

const shownFiles = 10;

/** Reporter that ends with the files whose tests took longest, and with each skipped test and its reason. */
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
  yield* section('slowest files, in seconds', slowest.map(([file, ms]) => `${seconds(ms)}  ${file}`));
  yield* section('skipped', skipped);
}

function* section(title: string, lines: readonly string[]): Generator<string> {
  yield `== ${title}: ${lines.length === 0 ? 'none' : `${lines.length}`}\n`;
  for (const line of lines) yield `${line}\n`;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1).padStart(6);
}
