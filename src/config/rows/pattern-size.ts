/**
 * Maximum instructions of a regular expression, and of all those of one list: some characters can stand
 * for a million, which takes seconds to compile.
 */
export const maxInstructions = 20_000;

export const tooLarge = `is too large: with its repetitions it has more than ${maxInstructions} instructions`;

const repetition = /\{(\d{1,4})(,?)(\d{0,4})\}/y;
/** The tables of these classes are long. */
const tableInstructions = 10;

/**
 * The instructions of a regular expression of RE2, estimated in linear time without compiling it. A real
 * program has at most about twice as many. What RE2 refuses may have any number.
 */
export function instructionsOf(text: string): number {
  const groups: number[] = [];
  /** Sizes of the open group, and of its last item, which RE2 lets repeat only once. */
  let sum = 0;
  let last = 0;
  const add = (size: number) => {
    sum += size;
    last = size;
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '(') {
      groups.push(sum);
      sum = 0;
      last = 0;
    } else if (character === ')') {
      const size = sum + 2;
      sum = groups.pop() ?? 0;
      add(size);
    } else if (character === '{') {
      repetition.lastIndex = at;
      const [whole, least = '', comma, most] = repetition.exec(text) ?? [];
      if (whole === undefined) add(1);
      else {
        const times = Math.max(1, Number(most || least) + (comma && !most ? 1 : 0));
        sum += last * (times - 1);
        at += whole.length - 1;
      }
    } else if (character === '[') {
      const end = classEnd(text, at);
      add(/\\p/i.test(text.slice(at, end)) ? tableInstructions : 1);
      at = end;
    } else if (character === '\\') {
      at++;
      add(/p/i.test(text[at] ?? '') ? tableInstructions : 1);
    } else if (character === '*' || character === '+' || character === '?') {
      sum++;
    } else add(1);
  }
  return groups.reduce((all, each) => all + each, sum);
}

/** The place of the bracket that ends a class. */
function classEnd(text: string, start: number): number {
  let at = start + 1;
  if (text[at] === '^') at++;
  // A bracket that comes first is one of the characters.
  if (text[at] === ']') at++;
  for (; at < text.length && text[at] !== ']'; at++) if (text[at] === '\\') at++;
  return at;
}
