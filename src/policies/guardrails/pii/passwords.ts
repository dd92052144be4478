import { commandForms, namesCommand } from './command-passwords.js';
import { isAlphanumeric, isMixed, isWritten, type Labelled, value } from './written-values.js';

/** Text before a match that may decide about it: as much as streams keep. */
const contextLength = 90;

const isNoNumber = (secret: string) => isWritten(secret) && !/^[\d.]+$/.test(secret);

/** Words for a password in a sentence, in the languages that use these letters. */
const spoken =
  '(?:passw(?:or)?d|passwort|kennwort|mot de passe|contraseña|senha|wachtwoord|hasło|lösenord|adgangskode)';
const says = String.raw`["']?(?:\s{0,2}[:=]| (?:is|ist|lautet|est|es|é|è|to|jest|är|er):?)\s{0,2}`;
/** Whose password a setting is that calls it `pass`. */
const ofWhom =
  '(?:become|db|database|smtp|imap|mail|user|login|admin|root|sudo|ssh|ftp|auth|api|proxy|redis|mysql|pg|postgres|rabbitmq|mqtt|wifi|wpa)';

const labelled: readonly Labelled[] = [
  // Options of commands.
  {
    pattern: new RegExp(String.raw`\s(?:-[auU]|--(?:proxy-)?(?:user|auth))[ =]?${value}`, 'dg'),
    isSecret: (secret, text, at) => {
      const [user, ...password] = secret.split(':');
      const isCurl = /\b(?:curl|wget|https?|xh)\b(?!:)[^\n|;]*$/.test(before(text, at));
      return isCurl && isWritten(user ?? '') && isWritten(password.join(':'));
    },
  },
  {
    pattern: new RegExp(
      `--[a-z-]{0,30}(?:password|passwd|passphrase|token|secret|api-key)[ =]${value}`,
      'dg',
    ),
    isSecret: (secret) => isMixed(secret) && isNoNumber(secret),
  },
  {
    pattern: new RegExp(`--[a-z-]{0,30}(?:password|passwd|passphrase)=${value}`, 'dg'),
    isSecret: (secret) => isWritten(secret) && /[a-z]/.test(secret),
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
  { pattern: new RegExp(spoken + says + value, 'dgi'), isSecret: isAlphanumeric },
  {
    pattern: new RegExp(String.raw`${ofWhom}_?pass["']?\s{0,2}[:=]\s{0,2}${value}`, 'dgi'),
    isSecret: isAlphanumeric,
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
const label =
  /pass|pwd|secret|token|key|sig|authorization|basic|curl|wget|http|xh|kennwort|contraseña|senha|wachtwoord|hasło|lösenord|adgangskode/i;

/** A quoted value that has not ended; it may contain spaces. */
export const unfinishedQuote = new RegExp(
  String.raw`(?:\s(?:-[A-Za-z]{1,2}|--?[a-z-]{0,30}(?:user|auth|password|passwd|passphrase|pass|token|secret|api-key))[ =]?(?:pass:)?|(?:passphrase|secret|token|api_?key|access_key|pwd|pass)\s?[:=]\s?|${spoken}${says})(?:"[^"\n]{0,200}|'[^'\n]{0,200})$`,
  'gi',
);

/** Calls for each secret that stands where its label, command or header says so. */
export function eachLabelledSecret(text: string, add: (start: number, end: number) => void): void {
  if (label.test(text)) eachOf(labelled, text, add);
  if (namesCommand(text)) eachOf(commandForms, text, add);
}

function eachOf(
  forms: readonly Labelled[],
  text: string,
  add: (start: number, end: number) => void,
): void {
  for (const { pattern, isSecret } of forms) {
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
