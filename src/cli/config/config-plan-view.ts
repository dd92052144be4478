import type { DescribedPlan } from '../../changes/last-plan.js';
import type { FieldChange } from '../../config/documents/plan-fields.js';
import { visible } from '../../observe/visible.js';
import type { KeyEffect } from '../../routing/key-effect.js';
import type { ModelEffect, Share } from '../../routing/plan-effect.js';
import { paint, print, printTable } from '../output.js';

/** Maximum rows of a list shown; `--json` has all. */
const maxShown = 200;

const signs = {
  create: ['+', 'green'],
  add: ['+', 'green'],
  update: ['~', 'yellow'],
  change: ['~', 'yellow'],
  delete: ['-', 'red'],
  remove: ['-', 'red'],
} as const;

/** Prints a plan for people: the changes, then their effect on models and keys. */
export function printPlan({ version, changes, effect }: DescribedPlan): void {
  if (changes.length === 0) {
    print(`no changes: the configuration is up to date (version ${version})`);
    return;
  }
  for (const { kind, action, name, id, fields } of changes.slice(0, maxShown)) {
    const row = kind === 'key' && id !== null && !name.endsWith(`#${id}`) ? ` (id ${id})` : '';
    print(signed(action, `${kind} ${visible(name)}${row}`, ''));
    if (action === 'delete') continue;
    for (const field of fields) print(signed(field.action, fieldText(field), '    '));
  }
  if (changes.length > maxShown) print(`… and ${changes.length - maxShown} more; see --json`);
  const count = (action: string) => changes.filter((each) => each.action === action).length;
  print('');
  print(
    `${paint('bold', 'Plan:')} ${count('create')} to add, ${count('update')} to change, ${count('delete')} to remove, on version ${version}.`,
  );
  printModels(effect.models);
  printKeys(effect.keys);
  const { stranded, unusable } = effect;
  printNames('Keys left without any model that they may use', 'red', stranded);
  const why = ' (their secrets cannot be used here; see: llmproxy secrets status)';
  printNames('Not counted as serving', 'yellow', unusable, why);
}

function printNames(
  what: string,
  style: 'red' | 'yellow',
  names: readonly string[],
  why = '',
): void {
  if (names.length === 0) return;
  const more = names.length > 10 ? ` and ${names.length - 10} more` : '';
  print('');
  print(paint(style, `${what}: ${visible(names.slice(0, 10).join(', '))}${more}${why}`));
}

function printModels(models: readonly ModelEffect[]): void {
  if (models.length === 0) return;
  print('');
  print(paint('bold', 'Where requests go'));
  printTable(models.slice(0, maxShown), [
    { header: 'MODEL', value: ({ model }) => model ?? 'any other', shrinkTo: 12, isName: true },
    { header: 'NOW', value: (one) => sharesText(one.before, differ(one)), shrinkTo: 12 },
    { header: 'THEN', value: (one) => sharesText(one.after, differ(one)), shrinkTo: 12 },
  ]);
  const unserved = models.filter((each) => each.unserved).map(({ model }) => model ?? 'any other');
  printNames('No provider would serve', 'red', unserved);
}

function printKeys(keys: readonly KeyEffect[]): void {
  if (keys.length === 0) return;
  print('');
  print(paint('bold', 'Keys'));
  const order = { stops: 0, changes: 1, works: 2 };
  const sorted = [...keys].sort((a, b) => order[a.effect] - order[b.effect]);
  for (const { name, effect, reasons } of sorted.slice(0, maxShown)) {
    const text = `${visible(name)} ${effectText[effect]} ${visible(reasons.join('; '))}`;
    print(`  ${effect === 'stops' ? paint('red', text) : text}`);
  }
  if (keys.length > maxShown) print(`  … and ${keys.length - maxShown} more; see --json`);
}

const effectText = { stops: 'stops working:', works: 'works:', changes: 'changes:' };

function signed(action: keyof typeof signs, text: string, indent: string): string {
  const [sign, style] = signs[action];
  return `${indent}${paint(style, `${sign} ${text}`)}`;
}

function fieldText({ path, action, before, after }: FieldChange): string {
  const name = visible(path);
  if (action === 'change') return `${name}: ${valueText(before)} -> ${valueText(after)}`;
  return `${name}: ${valueText(action === 'add' ? after : before)}`;
}

function valueText(value: unknown): string {
  return visible(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null'));
}

/** True if the providers of a model, before or after, need different APIs to be translated. */
function differ({ before, after }: ModelEffect): boolean {
  return new Set([...before, ...after].map(({ translated }) => translated.join())).size > 1;
}

/** @param tellsApis names the APIs that are translated. */
function sharesText(shares: readonly Share[], tellsApis: boolean): string {
  if (shares.length === 0) return 'none';
  return shares
    .map(({ provider, share, translated }) => {
      const apis =
        tellsApis && translated.length > 0 ? ` (${translated.join('+')} translated)` : '';
      if (share === 1) return (shares.length === 1 ? provider : `${provider} 100%`) + apis;
      return (share === 0 ? `${provider} failover` : `${provider} ${percent(share)}`) + apis;
    })
    .join(', ');
}

function percent(share: number): string {
  const value = share * 100;
  return `${value < 1 || value > 99 ? value.toFixed(1) : Math.round(value)}%`;
}
