import { isReference, parseReference } from '../../config/secrets/secret-reference.js';
import { type FileSettings, readSecretFile } from './secret-file.js';

/**
 * The values of the headers in a setting, with references resolved. They are read for each use, since
 * secrets are rotated.
 * @param setting its path, for messages.
 * @throws Error naming the header, and quoting no value.
 */
export async function headerValues(
  setting: string,
  headers: Readonly<Record<string, string>>,
  settings: FileSettings,
): Promise<Record<string, string>> {
  const values = Object.entries(headers).map(async ([name, value]) => {
    try {
      return [name, await headerValue(value, settings)] as const;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${setting}.${name} ${reason}`);
    }
  });
  return Object.fromEntries(await Promise.all(values));
}

/**
 * The value of one header. Unlike a provider's key it may have spaces, as in `Bearer …`.
 * @throws Error with the reason, as the end of a sentence.
 */
export async function headerValue(value: string, settings: FileSettings): Promise<string> {
  const reference = isReference(value) ? parseReference(value) : null;
  if (reference === null || typeof reference === 'string') return value;
  const found =
    reference.kind === 'env'
      ? process.env[reference.name]
      : await readSecretFile(reference.path, settings);
  const text = (found ?? '').trim();
  if (/^[\x20-\x7e]+$/.test(text)) return text;
  const what = text === '' ? (found === undefined ? 'not set' : 'empty') : 'not one line of ASCII';
  throw new Error(`refers to ${value}, which is ${what}`);
}
