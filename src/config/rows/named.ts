import { hostProblem, unclearProblem } from '../network/address.js';
import type { Problem } from '../problem.js';
import { compileSchema, toProblems } from '../schema.js';
import { type Budget, budgetProperties, newBudget } from './budget.js';
import { type Canary, canaryChecks, canaryProperties, newCanary } from './canary.js';
import { type Guardrail, guardrailChecks, newGuardrail } from './guardrail.js';
import { guardrailProperties } from './guardrail-schema.js';
import { type Mirror, mirrorProperties, newMirror } from './mirror.js';
import { compileModelPattern } from './model-pattern.js';
import { newPrice, type Price, priceProperties } from './price.js';
import type { RowCheck } from './row-check.js';
import { newStop, type Stop, stopProperties } from './stop.js';
import { timeProblems } from './time-pattern.js';

/** The rows of each section whose rows have a unique name, and nothing but their own fields. */
export interface NamedRows {
  prices: Price;
  budgets: Budget;
  stops: Stop;
  guardrails: Guardrail;
  mirrors: Mirror;
  canaries: Canary;
}
export type NamedSection = keyof NamedRows;

interface Named {
  readonly kind: 'price' | 'budget' | 'stop' | 'guardrail' | 'mirror' | 'canary';
  /** JSON Schemas of all fields, the name included. */
  readonly properties: Readonly<Record<string, object>>;
  /** Fields that the gateway itself changes: no part of documents and override files. */
  readonly runtime?: readonly string[];
  /** Required fields of a new row, besides its name. */
  readonly required: readonly string[];
  /** Fields of a new row that were not given. */
  readonly defaults: (name: string) => object;
  readonly checks: readonly RowCheck<never>[];
}

const appliesTo: RowCheck<{ applies_to: { model?: string } }> = {
  of: ['applies_to'],
  problems: ({ applies_to }) => patternProblems('applies_to.model', applies_to.model),
};

const webhookUrl: readonly RowCheck<{ webhook: string | null }>[] = urlChecks(
  'webhook',
  'webhook',
  ({ webhook }) => webhook,
);

const guardrailUrl = urlChecks<Guardrail>('config', 'config.url', ({ config }) => config.url);

/** Sections whose rows differ only in their fields: one code plans, merges and checks them. */
export const namedSections: Readonly<Record<NamedSection, Named>> = {
  prices: {
    kind: 'price',
    properties: priceProperties,
    required: [],
    // A price is named after its model by default.
    defaults: (name) => ({ ...newPrice, model: name }),
    checks: checksOf<Price>(
      { of: ['model'], problems: ({ model }) => patternProblems('model', model) },
      { of: ['valid_from'], problems: ({ valid_from }) => timeProblems('valid_from', valid_from) },
    ),
  },
  budgets: {
    kind: 'budget',
    properties: budgetProperties,
    required: ['amount'],
    defaults: () => newBudget,
    checks: checksOf<Budget>(appliesTo, ...webhookUrl),
  },
  stops: {
    kind: 'stop',
    properties: stopProperties,
    required: ['applies_to'],
    defaults: () => newStop,
    checks: checksOf<Stop>(appliesTo),
  },
  guardrails: {
    kind: 'guardrail',
    properties: guardrailProperties,
    required: ['kind'],
    defaults: () => newGuardrail,
    checks: checksOf<Guardrail>(appliesTo, ...guardrailChecks, ...guardrailUrl),
  },
  mirrors: {
    kind: 'mirror',
    properties: mirrorProperties,
    required: [],
    defaults: () => newMirror,
    checks: checksOf<Mirror>(appliesTo, ...webhookUrl, {
      of: ['provider', 'model'],
      problems: ({ provider, model }) =>
        provider === null && model === null ? [['provider', 'must be given, or "model"']] : [],
    }),
  },
  canaries: {
    kind: 'canary',
    properties: canaryProperties,
    runtime: ['state', 'step', 'changed_at', 'reason'],
    required: ['from_provider', 'to_provider'],
    defaults: () => newCanary,
    checks: canaryChecks,
  },
};

/** Checks `of` for names of fields. */
function checksOf<Row>(...checks: RowCheck<Row>[]): readonly RowCheck<never>[] {
  return checks;
}

export const namedSectionNames = Object.keys(namedSections) as NamedSection[];

/** A value for each of these sections. */
export function eachNamed<T>(of: (section: NamedSection) => T): Record<NamedSection, T> {
  const all = namedSectionNames.map((section) => [section, of(section)]);
  return Object.fromEntries(all) as Record<NamedSection, T>;
}

function urlChecks<Row>(
  field: keyof Row & string,
  path: string,
  urlOf: (row: Row) => string | null | undefined,
): readonly RowCheck<Row>[] {
  const check = (problem: (url: string) => string | null) => (row: Row) => {
    const url = urlOf(row) ?? null;
    const reason = url === null ? null : problem(url);
    return reason === null ? [] : [[path, reason] as [string, string]];
  };
  return [
    { of: [field], problems: check(urlProblem) },
    { of: [field], problems: check(unclearProblem), isForWritesOnly: true },
  ];
}

/** Private addresses are refused at use, by the settings, not here. */
function urlProblem(url: string): string | null {
  if (!URL.canParse(url)) return 'is not a URL';
  const { hostname, username, password } = new URL(url);
  if (username || password) return 'must not contain a user or password';
  const reason = hostProblem(hostname, 'allow');
  return reason && `its host ${hostname} ${reason}`;
}

function patternProblems(path: string, model: string | undefined): [string, string][] {
  const pattern = model === undefined ? null : compileModelPattern(model);
  return typeof pattern === 'string' ? [[path, pattern]] : [];
}

const validators = Object.fromEntries(
  namedSectionNames.map((section) => {
    const { properties, required } = namedSections[section];
    return [
      section,
      compileSchema({ type: 'object', required: ['name', ...required], properties }),
    ];
  }),
);

/**
 * The problems of one row; paths start with its section and name.
 * @param isStored true for a row that is in use, and not about to be written.
 */
export function namedProblems(
  section: NamedSection,
  row: object,
  source: string,
  isStored = false,
): Problem[] {
  const at = `${section}.${Reflect.get(row, 'name')}`;
  const validate = validators[section];
  if (validate && !validate(row)) {
    return toProblems(source, validate.errors).map((problem) => ({
      ...problem,
      path: problem.path ? `${at}.${problem.path}` : at,
    }));
  }
  const applies = ({ isForWritesOnly = false }: RowCheck<never>) => !(isStored && isForWritesOnly);
  return contentProblems(section, row, at, source, applies);
}

/**
 * The problems of an entry of a document whose shape is right: only those that are the same whatever
 * fields it does not give.
 */
export function entryProblems(
  section: NamedSection,
  name: string,
  fields: object,
  source: string,
): Problem[] {
  const isGiven = ({ of }: RowCheck<never>) => of.every((field) => field in fields);
  return contentProblems(section, fields, `${section}.${name}`, source, isGiven);
}

function contentProblems(
  section: NamedSection,
  row: object,
  at: string,
  source: string,
  which: (check: RowCheck<never>) => boolean,
): Problem[] {
  return namedSections[section].checks
    .filter(which)
    .flatMap((check) => check.problems(row as never))
    .map(([path, reason]) => ({ source, path: `${at}.${path}`, reason }));
}

/** A new row of this name with the fields that are given. */
export function newNamed(section: NamedSection, name: string, fields: object): object {
  return { ...namedSections[section].defaults(name), ...fields, name };
}

/** The section's part of the schema of documents and override files: rows by name. */
export function namedSchema(section: NamedSection) {
  const { properties: all, runtime = [] } = namedSections[section];
  const { name, ...properties } = Object.fromEntries(
    Object.entries(all).filter(([field]) => !runtime.includes(field)),
  );
  return {
    type: ['object', 'null'],
    propertyNames: name as object,
    additionalProperties: { type: 'object', additionalProperties: false, properties },
  } as const;
}
