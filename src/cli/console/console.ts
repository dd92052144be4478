import { Command } from 'commander';
import {
  addDaemonOptions,
  askDaemon,
  type DaemonFlags,
  type DaemonSettings,
} from '../daemon/ask-daemon.js';
import { settingsForUse } from '../daemon/settings.js';
import { settingsFlags } from '../database/connection.js';
import { note, print, printJson } from '../output.js';

/** A link that signs in whoever opens it first. */
export interface SignInLink {
  url: string;
  /** ISO 8601. */
  expires_at: string;
}

/** `llmproxy console`: opens the console without typing the admin key. */
export function consoleCommand(): Command {
  return addDaemonOptions(
    new Command('console').description('print a one-time sign-in link for the console'),
  )
    .addHelpText(
      'after',
      `
The link signs in whoever opens it first, within ten minutes. To open it on
another machine, forward the port, or set console.url to the URL at which
browsers reach the gateway.

Examples:
  $ llmproxy console
  $ xdg-open "$(llmproxy console --json | jq -r .url)"`,
    )
    .action(run);
}

async function run({ json, ...flags }: DaemonFlags): Promise<void> {
  const link = await createSignInLink(await settingsForUse(settingsFlags(flags), json));
  if (json) return printJson(link);
  print(link.url);
  note('It signs in once, within ten minutes.');
}

/** @throws CliError with the daemon's error message. */
export async function createSignInLink(settings: DaemonSettings): Promise<SignInLink> {
  return (await askDaemon(settings, '/admin/v1/session/links', 'POST')) as SignInLink;
}
