import { GatewayError } from '../errors.js';
import { visible } from '../observe/visible.js';
import { type AdminApi, changeOver } from './admin-api.js';
import { printActivation } from './daemon/activate.js';
import type { DatabaseFlags } from './database/connection.js';
import { CliError, usageError } from './failure.js';
import { print, printJson, warnEach } from './output.js';
import { confirmDeletion } from './prompt.js';

interface NamedRow {
  id: number;
  name: string;
}

/** Commands for rows of one kind, which people name by name or id. */
export interface NamedRows<Row extends NamedRow> {
  /** Path of a row below the admin API's base. */
  pathOf(ref: string): string;
  /** @throws CliError if there is none. */
  existing(api: AdminApi, ref: string): Promise<Row>;
  /** @param done the verb of the output, such as `created`. */
  create(fields: { name: string }, done: string, flags: DatabaseFlags): Promise<void>;
  /**
   * @param fields the changed ones, or a function of the current row.
   * @throws CliError if nothing changes.
   */
  update(ref: string, fields: object | ((row: Row) => object), flags: DatabaseFlags): Promise<void>;
  remove(ref: string, flags: DatabaseFlags & { yes?: boolean }): Promise<void>;
}

/**
 * @param noun singular, which is also its member in answers.
 * @param path of the collection, such as `/budgets`.
 * @param questionOf the question before a row is deleted; may refuse with a CliError.
 */
export function namedRows<Row extends NamedRow>(
  noun: string,
  path: string,
  questionOf: (row: Row) => { what: string; consequence?: string } = ({ name }) => ({
    what: `the ${noun} ${name}`,
  }),
): NamedRows<Row> {
  type Answer = { version: number; warnings?: string[] } & Record<string, Row>;
  const pathOf = (ref: string) => `${path}/${encodeURIComponent(ref)}`;
  const existing = async (api: AdminApi, ref: string) =>
    (await api.ask<Record<string, Row>>('GET', pathOf(ref)))[noun] as Row;
  const change = async (
    done: string,
    flags: DatabaseFlags,
    make: (
      api: AdminApi,
    ) => Promise<{ version: number; row: Row; warnings?: string[] | undefined }>,
  ): Promise<void> => {
    const { result, activation } = await changeOver(flags, make);
    const { row, warnings } = result;
    if (flags.json) printJson(row);
    else print(`${done} ${noun} ${visible(row.name)} (id ${row.id})`);
    warnEach(warnings, flags.json);
    printActivation(activation, flags.json);
  };
  const sent = async (api: AdminApi, method: 'POST' | 'PUT', to: string, fields: object) => {
    const answer = await api.ask<Answer>(method, to, fields);
    return { version: answer.version, row: answer[noun] as Row, warnings: answer.warnings };
  };
  return {
    pathOf,
    existing,
    create: (fields, done, flags) =>
      change(done, flags, (api) =>
        sent(api, 'POST', path, fields).catch((error: unknown) => {
          const isTaken = error instanceof GatewayError && error.code === 'conflict';
          if (!isTaken || error.param !== 'name') throw error;
          const hint = `change it with: llmproxy ${path.slice(1)} update ${fields.name}`;
          throw new CliError(`${noun} "${visible(fields.name)}" exists already`, { hint });
        }),
      ),
    async update(ref, fields, flags) {
      if (typeof fields !== 'function') refuseNothing(fields);
      await change('updated', flags, async (api) => {
        const changes = typeof fields === 'function' ? fields(await existing(api, ref)) : fields;
        refuseNothing(changes);
        return await sent(api, 'PUT', pathOf(ref), changes);
      });
    },
    remove: (ref, flags) =>
      change('deleted', flags, async (api) => {
        const row = await existing(api, ref);
        await confirmDeletion({ ...questionOf(row), yes: flags.yes, json: flags.json });
        return { row, version: await api.delete(`${path}/${row.id}`) };
      }),
  };
}

/** @throws CliError: a usage error if no field is given. */
export function refuseNothing(fields: object): void {
  if (Object.keys(fields).length === 0) throw usageError('no change was given');
}
