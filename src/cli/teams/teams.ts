import { Command } from 'commander';
import { newTeam } from '../../config/configuration.js';
import { teamOrders } from '../../db/queries/ordered.js';
import type { TeamInput } from '../../db/queries/rows.js';
import { counted } from '../../observe/counted.js';
import { withAdminApi } from '../admin-api.js';
import { collect, modelList, sortColumn, tagList, teamName, wholeNumber } from '../arguments.js';
import { addCacheOptions, type CacheFlags, cacheAfter } from '../cache-flags.js';
import { addGatewayOptions, type DatabaseFlags } from '../database/connection.js';
import { CliError, usageError } from '../failure.js';
import { type AmountFlags, addAmountOptions, limitsAfter } from '../limit-flags.js';
import { namedRows, refuseNothing } from '../named-rows.js';
import { printJson } from '../output.js';
import { printTeam, printTeams, type ShownTeam } from './teams-view.js';

interface TeamFlags extends DatabaseFlags, AmountFlags, CacheFlags {
  models?: string[];
  weight?: number;
  tag?: string[];
  admin?: string[];
}

interface UpdateFlags extends TeamFlags {
  name?: string;
  clearTags?: boolean;
  clearAdmins?: boolean;
}

const rows = namedRows<ShownTeam>('team', '/teams', ({ id, name, keys }) => {
  if (keys > 0) {
    throw new CliError(
      `${counted(keys, 'key')} ${keys === 1 ? 'belongs' : 'belong'} to the team "${name}"`,
      {
        hint: `see them with: llmproxy keys list --team "${name}"; take one out with: llmproxy keys update KEY --team none`,
      },
    );
  }
  return { what: `team ${name} (id ${id})`, consequence: 'No key belongs to it.' };
});

/** `llmproxy teams …`: keys with common models, limits and tags. */
export function teamsCommand(): Command {
  const command = new Command('teams').alias('team').description('manage teams of client keys');
  command.addCommand(
    addTeamOptions(new Command('create').alias('add'))
      .description('create a team')
      .argument('<name>')
      .addHelpText(
        'after',
        `
Examples:
  $ llmproxy teams create chat --models "gpt-4o*" --tokens-per-minute 200000
  $ llmproxy teams create batch --weight 1 --max-concurrency 50 --tag nightly
  $ llmproxy keys create worker-1 --team batch`,
      )
      .action(create),
  );
  command.addCommand(
    addGatewayOptions(new Command('list').alias('ls'))
      .description('list the teams')
      .option('--search <text>', 'only teams whose name contains this, ignoring case')
      .option(
        '--sort <column>',
        `${Object.keys(teamOrders).join(', ')}; -column: reverse`,
        sortColumn(Object.keys(teamOrders)),
      )
      .addHelpText('after', '\nExample:\n  $ llmproxy teams list --json | jq -r ".[].name"')
      .action(list),
  );
  command.addCommand(
    addGatewayOptions(new Command('show').alias('get'))
      .description('show a team')
      .argument('<id|name>')
      .addHelpText('after', '\nExample:\n  $ llmproxy teams show chat')
      .action(show),
  );
  command.addCommand(
    addTeamOptions(
      new Command('update').alias('edit').option('--name <name>', 'a new name', teamName),
    )
      .description('change the given fields of a team')
      .option('--clear-tags', 'remove all its tags')
      .option('--clear-admins', 'remove all its admins')
      .argument('<id|name>')
      .addHelpText(
        'after',
        `
Examples:
  $ llmproxy teams update chat --requests-per-minute 600
  $ llmproxy teams update chat --requests-per-minute none --name support`,
      )
      .action(update),
  );
  command.addCommand(
    addGatewayOptions(new Command('delete').aliases(['rm', 'remove']))
      .description('delete a team that no key belongs to')
      .argument('<id|name>')
      .option('--yes', 'do not ask')
      .addHelpText('after', '\nExample:\n  $ llmproxy teams delete chat --yes')
      .action(rows.remove),
  );
  return command.addHelpText('after', '\nExample:\n  $ llmproxy teams create chat');
}

function addTeamOptions(command: Command): Command {
  command
    .option('--models <a,b>', 'models or wildcards that its keys may use; "*": all', modelList)
    .option('--weight <n>', 'its share while requests queue', wholeNumber('--weight', 1, 1_000_000))
    .option('--tag <tag>', 'a tag of its requests; repeatable', collect)
    .option('--admin <name>', 'an administrator of it; repeatable', collect);
  return addGatewayOptions(addCacheOptions(addAmountOptions(command), 'nothing is cached'));
}

async function create(name: string, flags: TeamFlags): Promise<void> {
  if (name === 'none') throw usageError('the name "none" stands for no team');
  await rows.create({ name: teamName(name), ...columnsFrom(newTeam, flags) }, 'created', flags);
}

async function list({
  search = '',
  sort,
  ...flags
}: DatabaseFlags & { search?: string; sort?: string }): Promise<void> {
  const parameters = new URLSearchParams({ search, ...(sort !== undefined && { sort }) });
  const { teams } = await withAdminApi(flags, 'read', (api) =>
    api.ask<{ teams: ShownTeam[] }>('GET', `/teams?${parameters}`),
  );
  if (flags.json) printJson(teams);
  else printTeams(teams);
}

async function show(ref: string, flags: DatabaseFlags): Promise<void> {
  const team = await withAdminApi(flags, 'read', (api) => rows.existing(api, ref));
  if (flags.json) printJson(team);
  else printTeam(team);
}

async function update(ref: string, flags: UpdateFlags): Promise<void> {
  const changesOf = (before: TeamBefore) => ({
    ...(flags.name !== undefined && { name: flags.name }),
    ...(flags.clearTags && { tags: [] }),
    ...(flags.clearAdmins && { admins: [] }),
    ...columnsFrom(before, flags),
  });
  refuseNothing(changesOf({ limits: {}, cache: { mode: 'off' } }));
  await rows.update(ref, changesOf, flags);
}

/** Fields that flags may change in part. */
type TeamBefore = Pick<ShownTeam, 'limits' | 'cache'>;

function columnsFrom({ limits, cache }: TeamBefore, flags: TeamFlags): Partial<TeamInput> {
  const changed = limitsAfter(limits, flags);
  const rules = cacheAfter(cache, flags);
  return {
    ...(flags.models !== undefined && { allowed_models: flags.models }),
    ...(flags.weight !== undefined && { weight: flags.weight }),
    ...(flags.tag !== undefined && { tags: tagList('--tag', flags.tag) }),
    ...(flags.admin !== undefined && { admins: tagList('--admin', flags.admin) }),
    ...(changed !== undefined && { limits: changed }),
    ...(rules !== undefined && { cache: rules }),
  };
}
