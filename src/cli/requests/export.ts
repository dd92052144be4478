import { once } from 'node:events';
import { createWriteStream, rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { constants } from 'node:os';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { StringDecoder } from 'node:string_decoder';
import { Command } from 'commander';
import { type ExportFormat, exportFormats } from '../../admin/lists/export-rows.js';
import type { RequestFilter } from '../../db/queries/requests/request-filter.js';
import { defaultSince } from '../../observe/usage/period.js';
import { remotePipe, remoteUrl } from '../daemon/remote-gateway.js';
import {
  addGatewayOptions,
  type DatabaseFlags,
  settingsFlags,
  withDatabase,
} from '../database/connection.js';
import { CliError, usageError } from '../failure.js';
import { dataForTerminal } from '../output.js';
import { outputError } from '../output-error.js';
import {
  addRequestFilters,
  filterOf,
  orTooMuch,
  parametersOf,
  type RequestFlags,
} from './request-filters.js';

interface ExportFlags extends DatabaseFlags, RequestFlags {
  format: ExportFormat;
  output?: string;
}

/** `llmproxy usage export`: the rows of single requests, for other programs. */
export function exportCommand(): Command {
  const command = new Command('export').description(
    'write the rows of requests to a file or a pipe',
  );
  addRequestFilters(command, defaultSince)
    .option('--format <format>', exportFormats.join(', '), formatOf, 'csv')
    .option('--output <file>', 'a file to create or replace; by default standard output');
  return addGatewayOptions(command)
    .addHelpText(
      'after',
      `
Writes every column of request_logs except bodies, oldest row first. Rows are
written as they are read, so any number of them needs little memory. A file
appears when it is complete. Columns with objects contain JSON.

Examples:
  $ llmproxy usage export --since 30d --format parquet --output usage.parquet
  $ llmproxy usage export --since 2026-11-01 --until 2026-12-01 > november.csv
  $ llmproxy usage export --team chat --format ndjson | jq .cost_nano`,
    )
    .action(run);
}

async function run({ format, output, ...flags }: ExportFlags): Promise<void> {
  const filter = filterOf(flags);
  if (output === undefined) {
    if (format === 'parquet' && process.stdout.isTTY) {
      throw usageError('parquet is not a text format', 'name a file: --output usage.parquet');
    }
    const open = async () => standardOutput();
    return await write(format, filter, flags, open).catch(unlessReaderLeft);
  }
  const partial = `${output}.${process.pid}.part`;
  // Also when a signal ends the process.
  const remove = () => rmSync(partial, { force: true });
  process.once('exit', remove);
  const open = async () => {
    const out = createWriteStream(partial, { flags: 'wx', mode: 0o600 });
    await once(out, 'open');
    return out;
  };
  try {
    await write(format, filter, flags, open);
    await rename(partial, output);
  } catch (error) {
    const syscall = error instanceof Error && 'syscall' in error ? String(error.syscall) : '';
    if (!['open', 'write', 'rename'].includes(syscall)) throw error;
    throw new CliError(`${output} cannot be written: ${outputError(error)}`);
  } finally {
    remove();
    process.off('exit', remove);
  }
}

async function write(
  format: ExportFormat,
  filter: RequestFilter,
  flags: DatabaseFlags,
  open: () => Promise<Writable>,
): Promise<void> {
  const url = remoteUrl(flags);
  if (url !== null) {
    for (const signal of signals) process.once(signal, exit);
    const query = parametersOf(filter);
    query.set('format', format);
    const { loadSettings } = await import('../../config/settings/settings.js');
    const settings = loadSettings(settingsFlags(flags));
    return await remotePipe(url, flags, settings, `/admin/v1/usage/export?${query}`, await open());
  }
  const [{ encodeRows }, { exportRequests }] = await Promise.all([
    import('../../admin/lists/export-rows.js'),
    import('../../db/queries/requests/export-requests.js'),
  ]);
  await withDatabase(flags, 'read', async (sql) => {
    // Until here a signal would end this process without cleaning up.
    const out = await open();
    const pages = exportRequests((work) => orTooMuch(work(sql)), filter);
    const rows = Readable.from(encodeRows(format, pages), { objectMode: false });
    await pipeline(rows, out, { end: out !== process.stdout });
  });
}

/** Standard output; on a terminal the text of clients is made visible. */
function standardOutput(): Writable {
  if (!process.stdout.isTTY) return process.stdout;
  const decoder = new StringDecoder();
  return new Writable({
    write(piece: Buffer, _encoding, done) {
      process.stdout.write(dataForTerminal(decoder.write(piece)), done);
    },
  });
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function exit(signal: NodeJS.Signals): never {
  process.exit(128 + constants.signals[signal]);
}

/** A reader that leaves early, as in `llmproxy usage export | head`, is not a failure. */
function unlessReaderLeft(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error;
}

function formatOf(text: string): ExportFormat {
  const format = exportFormats.find((name) => name === text);
  if (format) return format;
  throw usageError(`--format: "${text}" is not one of ${exportFormats.join(', ')}`);
}
