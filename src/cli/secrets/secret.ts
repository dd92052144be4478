import type { Command } from 'commander';
import { Option } from 'commander';
import { keyPattern } from '../../config/secrets/credential-key.js';
import { isJsonObject } from '../../config/secrets/secret-reference.js';
import { usageError } from '../failure.js';

const maxBytes = 65_536;

/** The source of a secret; at most one is set. */
export interface SecretSources {
  value: string | undefined;
  /** Name of an environment variable. */
  env: string | undefined;
  stdin: boolean | undefined;
}

/** Adds `--NAME`, `--NAME-env` and `--NAME-stdin`, which are mutually exclusive. */
export function addSecretOptions(command: Command, name: string, description: string): Command {
  const property = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  const variants: [flags: string, property: string, description: string][] = [
    [`--${name} <key>`, property, description],
    [`--${name}-env <variable>`, `${property}Env`, 'environment variable that holds it'],
    [`--${name}-stdin`, `${property}Stdin`, 'read it from standard input'],
  ];
  for (const [flags, own, text] of variants) {
    const others = variants.map(([, each]) => each).filter((each) => each !== own);
    command.addOption(new Option(flags, text).conflicts(others));
  }
  return command;
}

/**
 * Reads a secret from the given source; null if none was given.
 * @param flag such as `--api-key`, for messages, which never contain the secret.
 */
export async function readSecret(flag: string, sources: SecretSources): Promise<string | null> {
  if (sources.value !== undefined) return checked(flag, sources.value);
  if (sources.env !== undefined) return checked(`${flag}-env`, fromEnvironment(flag, sources.env));
  if (sources.stdin) return checked(`${flag}-stdin`, await fromStdin(flag));
  return null;
}

function fromEnvironment(flag: string, variable: string): string {
  const value = process.env[variable];
  if (value) return value;
  throw usageError(
    `${flag}-env: the environment variable ${variable} is not set`,
    `set it first, for example: export ${variable}=…`,
  );
}

async function fromStdin(flag: string): Promise<string> {
  if (process.stdin.isTTY) {
    throw usageError(
      `${flag}-stdin: standard input is a terminal, which would show what is typed`,
      `redirect a file: ${flag}-stdin < key.txt`,
    );
  }
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk;
    if (text.length > maxBytes) throw usageError(`${flag}-stdin: more than ${maxBytes} bytes`);
  }
  return text;
}

/** A secret is sent in an HTTP header, so it must be printable ASCII; a cloud's JSON is exempt. */
function checked(flag: string, text: string): string {
  const secret = text.trim();
  if (secret === '') throw usageError(`${flag}: the key is empty`);
  if (!isJsonObject(secret) && !new RegExp(keyPattern).test(secret)) {
    throw usageError(`${flag}: a key must be one line of printable ASCII`);
  }
  return secret;
}
