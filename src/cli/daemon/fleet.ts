import { Command } from 'commander';
import { withAdminApi } from '../admin-api.js';
import { addGatewayOptions, type DatabaseFlags } from '../database/connection.js';
import { outputWidth, print, printJson } from '../output.js';
import { type FleetNow, fleetLines } from './fleet-view.js';

/** `llmproxy fleet`: lists the daemons of the database. */
export function fleetCommand(): Command {
  return addGatewayOptions(
    new Command('fleet').description('list the daemons that serve from this database'),
  )
    .addHelpText(
      'after',
      `
Each daemon reports every second; one that stops removes itself. STATE is cut
off if a daemon cannot reach the database but still answers other daemons: it
serves with its old configuration. It is gone, for an hour, if a daemon ended
without deregistering or cannot be reached. CONFIG is the version of its
configuration, and how many changes it is behind.

Examples:
  $ llmproxy fleet
  $ llmproxy fleet --json | jq '.daemons[] | select(.behind > 0)'`,
    )
    .action(run);
}

async function run(flags: DatabaseFlags): Promise<void> {
  const fleet = await withAdminApi(flags, 'read', (api) => api.ask<FleetNow>('GET', '/fleet'));
  if (flags.json) printJson(fleet);
  else for (const line of fleetLines(fleet, outputWidth())) print(line);
}
