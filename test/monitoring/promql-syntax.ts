/** The part of PromQL's syntax that the shipped rules use; any other is an error, never ignored. */

export type Expression =
  | { type: 'number'; value: number }
  | { type: 'select'; name: string; matchers: Matcher[]; rangeSeconds: number | null }
  | { type: 'call'; name: string; args: Expression[] }
  | { type: 'aggregate'; by: readonly string[]; name: string; of: Expression }
  | { type: 'binary'; operator: string; left: Expression; right: Expression };

export interface Matcher {
  label: string;
  operator: string;
  value: string;
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
/** From the loosest to the tightest. */
const levels = [['or'], ['==', '!=', '>', '>=', '<', '<='], ['+', '-'], ['*', '/']];
const aggregations: ReadonlySet<string> = new Set(['sum', 'max', 'min']);

const token =
  /\s*(?:("(?:[^"\\]|\\.)*")|(\d+(?:\.\d+)?(?:e\d+)?(?![smhd\w]))|(\d+[smhd])|([a-zA-Z_][\w:]*)|(=~|!~|==|!=|>=|<=|[-+*/<>=(){}[\],]))/y;

/** Seconds of a duration such as `5m`. */
export function secondsOf(duration: string): number {
  const [, count = '', unit = ''] = /^(\d+)([smhd])$/.exec(duration) ?? [];
  const seconds = unitSeconds[unit];
  if (seconds === undefined) throw new Error(`${duration} is no duration`);
  return Number(count) * seconds;
}

/** @throws Error for syntax that is not known here. */
export function parseExpression(text: string): Expression {
  const tokens: string[] = [];
  token.lastIndex = 0;
  for (let at = 0; text.slice(at).trim() !== ''; at = token.lastIndex) {
    const found = token.exec(text);
    if (!found) throw new Error(`unknown syntax: ${text.slice(at)}`);
    tokens.push(found[0].trim());
  }
  let at = 0;
  const next = () => tokens[at] ?? '';
  const take = (expected?: string) => {
    if (expected !== undefined && next() !== expected) {
      throw new Error(`${expected} expected, not "${next()}" in: ${text}`);
    }
    return tokens[at++] ?? '';
  };
  const listed = <Item>(open: string, close: string, read: () => Item): Item[] => {
    const items: Item[] = [];
    for (take(open); next() !== close; ) {
      items.push(read());
      if (next() === ',') take();
    }
    take(close);
    return items;
  };
  const binary = (level: number): Expression => {
    const operators = levels[level];
    if (!operators) return single();
    let left = binary(level + 1);
    while (operators.includes(next())) {
      left = { type: 'binary', operator: take(), left, right: binary(level + 1) };
    }
    return left;
  };
  const single = (): Expression => {
    if (next() === '(') {
      take();
      const inner = binary(0);
      take(')');
      return inner;
    }
    const name = take();
    if (/^\d/.test(name)) return { type: 'number', value: Number(name) };
    if (aggregations.has(name)) {
      let by: string[] = [];
      if (next() === 'by') {
        take();
        by = listed('(', ')', take);
      }
      const [of] = listed('(', ')', () => binary(0));
      if (!of) throw new Error(`${name} of nothing`);
      return { type: 'aggregate', by, name, of };
    }
    if (next() === '(') return { type: 'call', name, args: listed('(', ')', () => binary(0)) };
    if (!/^[a-zA-Z_]/.test(name)) throw new Error(`"${name}" is not expected in: ${text}`);
    const matchers =
      next() !== '{'
        ? []
        : listed('{', '}', () => ({
            label: take(),
            operator: take(),
            value: JSON.parse(take()) as string,
          }));
    const [range] = next() === '[' ? listed('[', ']', take) : [];
    const rangeSeconds = range === undefined ? null : secondsOf(range);
    return { type: 'select', name, matchers, rangeSeconds };
  };
  const whole = binary(0);
  if (at < tokens.length) throw new Error(`"${next()}" is not expected in: ${text}`);
  return whole;
}
