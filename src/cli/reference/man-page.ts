import type { Command } from 'commander';
import { settingsSchema } from '../../config/settings/settings-schema.js';
import { withDescendants } from '../program.js';
import { type CommandHelp, commandHelp } from './command-help.js';

/** llmproxy(1) in roff, generated from the commands: every command, option, variable and file. */
export function manPage(program: Command): string {
  const all = [...withDescendants(program)].map(commandHelp);
  const [root, ...rest] = all;
  const runnable = rest.filter(({ isRunnable }) => isRunnable);
  return `${[
    '.\\" Made from the commands: npm run reference',
    `.TH LLMPROXY 1 "" "llmproxy" "User Commands"`,
    '.SH NAME',
    `llmproxy \\- ${escaped(lowerFirst(root?.description ?? ''))}`,
    '.SH SYNOPSIS',
    ...runnable.flatMap(({ usage }, index) => [
      ...(index === 0 ? [] : ['.br']),
      `.B ${escaped(usage)}`,
    ]),
    '.SH DESCRIPTION',
    'One command starts the gateway; the others manage it, while it runs or before.',
    'Every command has',
    '.B \\-\\-json',
    'for scripts and',
    '.B \\-\\-help',
    'with examples.',
    ...literal(root?.notes ?? ''),
    '.SH COMMANDS',
    ...runnable.flatMap(section),
    '.SH ENVIRONMENT',
    'Flags win over these, these over',
    '.I .env',
    'in the working directory, that over the settings file.',
    ...terms([
      ...variables().map(([name, setting]) => ({
        term: name,
        description: `The setting ${setting}.`,
      })),
      { term: 'LLMPROXY_CONFIG', description: 'The settings file.' },
      { term: 'NO_COLOR', description: 'Nothing is printed in colour.' },
    ]),
    '.SH FILES',
    ...terms(files),
    '.SH "EXIT STATUS"',
    ...terms([
      { term: '0', description: 'It was done.' },
      { term: '1', description: 'It failed; standard error says why and what to do.' },
      { term: '2', description: 'The command line or a setting is wrong.' },
    ]),
  ].join('\n')}\n`;
}

function section({ path, usage, description, arguments: args, options, notes }: CommandHelp) {
  return [
    `.SS "${escaped(path)}"`,
    `.B ${escaped(usage)}`,
    '.PP',
    `${escaped(upperFirst(description))}.`,
    ...terms([...args.filter((one) => one.description !== ''), ...options]),
    ...literal(notes),
  ];
}

function terms(list: readonly { term: string; description: string }[]): string[] {
  return list.flatMap(({ term, description }) => [
    '.TP',
    `.B ${escaped(term)}`,
    escaped(description),
  ]);
}

/** Preformatted text, line by line. */
function literal(text: string): string[] {
  return text === '' ? [] : ['.PP', '.nf', ...text.split('\n').map(escaped), '.fi'];
}

function escaped(text: string): string {
  const plain = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .replaceAll("'", '\\(aq')
    .replace(/[^\x20-\x7e]/g, (character) => `\\[u${hex(character)}]`);
  return /^[.']/.test(plain) ? `\\&${plain}` : plain;
}

function hex(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The environment variables of settings, by name. */
function variables(): [variable: string, setting: string][] {
  const found: [string, string][] = [];
  const visit = (properties: object, path: string) => {
    for (const [name, schema] of Object.entries(properties)) {
      if (schema.properties) visit(schema.properties, `${path}${name}.`);
      else if (schema.env) found.push([schema.env, path + name]);
    }
  };
  visit(settingsSchema.properties, '');
  return found.sort(([a], [b]) => (a < b ? -1 : 1));
}

const files = [
  { term: 'config/llmproxy.yaml, /etc/llmproxy/llmproxy.yaml', description: 'The settings file.' },
  {
    term: 'overrides.d',
    description: 'Beside it: files that change providers and keys on this machine.',
  },
  {
    term: '/var/lib/llmproxy, ~/.local/state/llmproxy',
    description: 'The data directory of root, and of others.',
  },
];
