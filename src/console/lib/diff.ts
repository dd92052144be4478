export interface DiffLine {
  kind: 'same' | 'add' | 'remove';
  text: string;
}

/** Beyond this many cells, the lines between the common ends are shown as removed and added. */
const maxCells = 4_000_000;

/** The lines of two texts, by their longest common subsequence. */
export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) {
    end++;
  }
  const same = (lines: readonly string[]) => lines.map((text) => ({ kind: 'same', text }) as const);
  const middle = between(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return [...same(a.slice(0, start)), ...middle, ...same(a.slice(a.length - end))];
}

function between(a: readonly string[], b: readonly string[]): DiffLine[] {
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  if (a.length * b.length <= maxCells) {
    const width = b.length + 1;
    const longest = new Uint32Array((a.length + 1) * width);
    const at = (x: number, y: number) => longest[x * width + y] ?? 0;
    for (let x = a.length - 1; x >= 0; x--) {
      for (let y = b.length - 1; y >= 0; y--) {
        longest[x * width + y] =
          a[x] === b[y] ? at(x + 1, y + 1) + 1 : Math.max(at(x + 1, y), at(x, y + 1));
      }
    }
    while (i < a.length && j < b.length) {
      if (a[i] === b[j]) {
        lines.push({ kind: 'same', text: a[i] ?? '' });
        i++;
        j++;
      } else if (at(i + 1, j) >= at(i, j + 1)) lines.push({ kind: 'remove', text: a[i++] ?? '' });
      else lines.push({ kind: 'add', text: b[j++] ?? '' });
    }
  }
  for (; i < a.length; i++) lines.push({ kind: 'remove', text: a[i] ?? '' });
  for (; j < b.length; j++) lines.push({ kind: 'add', text: b[j] ?? '' });
  return lines;
}

/** Only changed lines, with `around` lines before and after each; null stands for a gap. */
export function folded(lines: readonly DiffLine[], around = 3): (DiffLine | null)[] {
  const isShown = lines.map((_, index) =>
    lines
      .slice(Math.max(0, index - around), index + around + 1)
      .some(({ kind }) => kind !== 'same'),
  );
  return lines.flatMap((line, index) => {
    if (isShown[index]) return [line];
    return index > 0 && isShown[index - 1] ? [null] : [];
  });
}
