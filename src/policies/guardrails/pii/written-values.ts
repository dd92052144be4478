/** A pattern of text that contains a secret, as its first group with a value. */
export interface Labelled {
  readonly pattern: RegExp;
  /** @param at place of the match in the text. */
  readonly isSecret: (value: string, text: string, at: number) => boolean;
}

/** A value in quotes, or one without spaces. */
export const value = String.raw`(?:"([^"\n]{3,200})"|'([^'\n]{3,200})'|([^\s"'\x60,;&|()<>[\]{}]{3,200}))`;

/** A word in quotes or without them. */
export const word = value.replaceAll(String.raw`\n]`, String.raw`\s]`);

const placeholderWords =
  /^(?:string|str|text|value|none|null|nil|undefined|true|false|yes|no|required|optional|hidden|redacted|empty|pass|passw(?:or)?d|passwort|pwd|user|username|secret|token|key|credentials?)$/i;

/** True for what stands for a value: a variable, a word in brackets, asterisks, a call. */
function isPlaceholder(text: string): boolean {
  return (
    /^(?:[$%<{[(*@]|x{3,}|your|my[_-]|env[:.]|file:|os\.|process\.)/i.test(text) ||
    /\.\.\.|…|[*]{3}|\w[([]/.test(text) ||
    /^[a-z_]\w*(?:\.[a-z_]\w*)+$/i.test(text) ||
    /^\W*$/.test(text) ||
    placeholderWords.test(text)
  );
}

/** True for a value that is no placeholder. */
export const isWritten = (secret: string) => !isPlaceholder(secret);
/** The same, and unlike a word. */
export const isMixed = (secret: string) => isWritten(secret) && /[\d!@#$%^&*+~?=/-]/.test(secret);
/** The same, with digits and letters. */
export const isAlphanumeric = (secret: string) =>
  isWritten(secret) && /\d/.test(secret) && /\p{L}/u.test(secret);
