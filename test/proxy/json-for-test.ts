import fc from 'fast-check';

/** A JSON object as text, with where the values of its top-level members are, in characters. */
export interface ObjectText {
  text: string;
  members: { key: string; start: number; end: number }[];
}

const space = fc.constantFrom('', '', '', ' ', '\n', '\t\r ', '    ');

const numbers = fc.oneof(
  fc.constantFrom('1E5', '-0', '1e400', '1.0', '12345678901234567890', '0.10', '2e-0', '-7E+2'),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => JSON.stringify(n)),
);

/** Any text as a JSON string; some characters are written as escapes that need not be. */
const strings = fc
  .tuple(fc.string({ unit: 'binary', maxLength: 60 }), fc.nat({ max: 6 }))
  .map(([content, every]) =>
    JSON.stringify(content).replace(/[ -!#-.0-[\]-~]/g, (character, index: number) =>
      every > 0 && index % every === 0 && !/[\\"/bfnrtu0-9a-fA-F]/.test(character)
        ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
        : character,
    ),
  );

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom('true', 'false', 'null'),
    numbers,
    strings,
    fc
      .array(fc.tuple(space, tie('value'), space), { maxLength: 4 })
      .map((items) => `[${items.map((parts) => parts.join('')).join(',')}]`),
    fc
      .array(fc.tuple(space, strings, space, tie('value'), space), { maxLength: 4 })
      .map((items) => `{${items.map(([a, k, b, v, c]) => `${a}${k}${b}:${v}${c}`).join(',')}}`),
  ),
}));

export const jsonValue = value;

const wantedKeys = fc.constantFrom('"model"', '"stream"', '"mod\\u0065l"', '"\\u0073tream"');

/**
 * Objects with many members called `model` and `stream`, also duplicated and escaped.
 * @param memberValue generates a member's value by its name.
 */
export function objectText(
  memberValue: (key: string) => fc.Arbitrary<string> = () => jsonValue,
): fc.Arbitrary<ObjectText> {
  const member = fc
    .oneof(wantedKeys, strings)
    .chain((key) =>
      fc.tuple(space, fc.constant(key), space, space, memberValue(JSON.parse(key)), space),
    );
  return fc
    .tuple(space, fc.array(member, { maxLength: 8 }), space)
    .map(([before, items, after]) => {
      let text = `${before}{`;
      const members: ObjectText['members'] = [];
      for (const [index, [a, key, b, c, held, d]] of items.entries()) {
        text += `${index > 0 ? ',' : ''}${a}${key}${b}:${c}`;
        members.push({ key: JSON.parse(key), start: text.length, end: text.length + held.length });
        text += held + d;
      }
      return { text: `${text}}${after}`, members };
    });
}

/** The bytes of a text in pieces, cut at places given as parts of a million. */
export function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = cuts.map((cut) => Math.floor((cut / 1_000_000) * bytes.length)).sort((a, b) => a - b);
  const result: Buffer[] = [];
  let from = 0;
  for (const cut of [...at, bytes.length]) {
    result.push(bytes.subarray(from, cut));
    from = cut;
  }
  return result;
}

export const cuts = fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 12 });
