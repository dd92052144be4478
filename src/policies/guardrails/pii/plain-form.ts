/** Full-width forms of ASCII, and digits of other scripts. */
const otherLetters =
  /[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\uff0b\uff0d-\uff19\uff20-\uff3a\uff3f\uff41-\uff5a]/g;
/** Spaces, dashes and dots beyond ASCII, and characters without width. */
const otherSeparators =
  /[\u00a0\u00ad\u00b7\u1680\u2000-\u200d\u2010-\u2014\u2022\u2024\u202f\u2044\u205f\u2060\u2212\u2215\u3000\ufe63\ufeff\uff08\uff09]/g;
const fullWidthOffset = 0xfee0;

/** The text with letters, digits and signs of ASCII in place of their other forms; as long. */
export function withPlainLetters(text: string): string {
  return isAscii(text) ? text : text.replace(otherLetters, plainLetter);
}

/** The same for separators between digits. */
export function withPlainSeparators(text: string): string {
  return isAscii(text) ? text : text.replace(otherSeparators, plainSeparator);
}

function isAscii(text: string): boolean {
  return !/[\u0080-\uffff]/.test(text);
}

function plainLetter(char: string): string {
  const code = char.charCodeAt(0);
  if (code >= 0xff00) return String.fromCharCode(code - fullWidthOffset);
  const zero = code < 0x6f0 ? 0x660 : code < 0x966 ? 0x6f0 : 0x966;
  return String(code - zero);
}

function plainSeparator(char: string): string {
  if ('\u2010\u2011\u2012\u2013\u2014\u2212\ufe63'.includes(char)) return '-';
  if ('\u00b7\u2022\u2024'.includes(char)) return '.';
  if ('\u2044\u2215'.includes(char)) return '/';
  if (char === '\uff08') return '(';
  return char === '\uff09' ? ')' : ' ';
}
