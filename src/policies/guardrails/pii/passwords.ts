/** A pattern of text that contains a secret, as its first group with a value. */
interface Labelled {
  readonly pattern: RegExp;
  readonly isSecret: (value: string, text: string, at: number) => boolean;
}

/** Text before a match that may decide about it: as much as streams keep. */
const contextLength = 90;

/** A value in quotes, or one without spaces. */
const value = String.raw`(?:"([^"\n]{3,200})"|'([^'\n]{3,200})'|([^\s"'\x60,;&|()<>[\]{}]{3,200}))`;

const isWritten = (secret: string) => !isPlaceholder(secret);
const isMixed = (secret: string) => isWritten(secret) && /[\d!@#$%^&*+~?=/-]/.test(secret);
const isNoNumber = (secret: string) => isWritten(secret) && !/^[\d.]+$/.test(secret);

const labelled: readonly Labelled[] = [
  // Options of commands.
  {
    pattern: new RegExp(String.raw`\s(?:-[uU]|--(?:proxy-)?user)[ =]?${value}`, 'dg'),
    isSecret: (secret, text, at) => {
      const [user, ...password] = secret.split(':');
      const isCurl = /\b(?:curl|wget|https?|xh)\b(?!:)[^\n|;]*$/.test(before(text, at));
      return isCurl && isWritten(user ?? '') && isWritten(password.join(':'));
    },
  },
  { pattern: new RegExp(`\\bsshpass -p ?${value}`, 'dg'), isSecret: isWritten },
  {
    pattern: new RegExp(`\\bmysql(?:dump|admin|import)?\\b[^\\n|;]{0,60}? -p${value}`, 'dg'),
    isSecret: isWritten,
  },
  {
    pattern: new RegExp(`--[a-z-]{0,30}(?:password|passwd|token|secret|api-key)[ =]${value}`, 'dg'),
    isSecret: (secret) => isMixed(secret) && isNoNumber(secret),
  },
  // Headers.
  {
    pattern:
      /\bauthorization["']?\s{0,2}[:=]\s{0,2}["']?(?:bearer|token|apikey|basic)\s{1,3}([A-Za-z0-9+/=._~-]{8,2000})/dgi,
    isSecret: isWritten,
  },
  { pattern: /\bbasic\s{1,3}([A-Za-z0-9+/]{8,400}={0,2})/dgi, isSecret: isUserAndPassword },
  {
    pattern: /\bapi-key["']?\s{0,2}:\s{0,2}["']?([A-Za-z0-9+/=._~-]{8,200})/dgi,
    isSecret: (secret) => isWritten(secret) && /\d/.test(secret),
  },
  // Variables, settings, and connection strings.
  {
    pattern: new RegExp(`(?:PASSWORD|PASSWD|PASSPHRASE)=${value}`, 'dg'),
    isSecret: isWritten,
  },
  {
    pattern: new RegExp(`(?:SECRET|TOKEN|API_?KEY|ACCESS_KEY|SECRET_KEY)=${value}`, 'dg'),
    isSecret: (secret) => isMixed(secret) && isNoNumber(secret),
  },
  {
    pattern:
      /(?:passw(?:or)?d|pwd|passphrase|secret|api_?key|access_?key|access_?token|auth_?token|private_?key)["']?\s{0,2}[:=]\s{0,2}(?:"([^"\s]{6,200})"|'([^'\s]{6,200})')/dgi,
    isSecret: isMixed,
  },
  {
    pattern: new RegExp(`passw(?:or)?d["']?(?:\\s{0,2}[:=]| is:?)\\s{0,2}${value}`, 'dgi'),
    isSecret: (secret) => isWritten(secret) && /\d/.test(secret) && /[A-Za-z]/.test(secret),
  },
  {
    pattern: new RegExp(`\\b(?:password|pwd)\\s?=\\s?${value}`, 'dgi'),
    isSecret: (secret, text, at) => isWritten(secret) && isConnection(before(text, at)),
  },
  {
    pattern:
      /[?&](?:passw(?:or)?d|pwd|(?:access_|refresh_|id_|auth_)?token|api_?key|(?:client_)?secret|sig(?:nature)?)=([^\s&#"'`,;()<>[\]{}]{6,400})/dgi,
    isSecret: isWritten,
  },
  {
    pattern: /\b(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{20,200}={0,2})/dg,
    isSecret: isWritten,
  },
];

/** One of these words is in each of the patterns. */
const label = /pass|pwd|secret|token|key|sig|authorization|basic|curl|wget|http|xh|mysql/i;

/** A quoted value that has not ended; it may contain spaces. */
export const unfinishedQuote =
  /(?:\s(?:-[uUp]|--[a-z-]{0,30}(?:user|password|passwd|token|secret|api-key))[ =]?|(?:password|passwd|passphrase|secret|token|api_?key|access_key|pwd)\s?=\s?)(?:"[^"\n]{0,200}|'[^'\n]{0,200})$/gi;

/** Calls for each secret that stands where its label, command or header says so. */
export function eachLabelledSecret(text: string, add: (start: number, end: number) => void): void {
  if (!label.test(text)) return;
  for (const { pattern, isSecret } of labelled) {
    for (const match of text.matchAll(pattern)) {
      const group = match.findIndex((each, index) => index > 0 && each !== undefined);
      const [start, end] = match.indices?.[group] ?? [0, 0];
      if (isSecret(text.slice(start, end), text, match.index)) add(start, end);
    }
  }
}

function before(text: string, at: number): string {
  return text.slice(Math.max(0, at - contextLength), at);
}

/** True if a connection string may go on after this text. */
function isConnection(text: string): boolean {
  return /(?:server|host(?:addr)?|data source|user ?(?:id|name)?|uid|dbname|database|initial catalog|port)\s?=[^\n,()]{1,80}[;& ]$/i.test(
    text,
  );
}

/** RFC 7617. */
function isUserAndPassword(encoded: string): boolean {
  return /^[\x20-\x7e]*:[\x20-\x7e]+$/.test(Buffer.from(encoded, 'base64').toString('latin1'));
}

const placeholderWords =
  /^(?:string|str|text|value|none|null|nil|undefined|true|false|yes|no|required|optional|hidden|redacted|empty|pass|passw(?:or)?d|pwd|user|username|secret|token|key|credentials?)$/i;

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
