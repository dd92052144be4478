import type { ErrorObject } from 'ajv';
import { newProvider, newTeam, type Provider, providerTypes } from '../configuration.js';
import { didYouMean } from '../nearest.js';
import { maxToldLength, type Problem, shortened } from '../problem.js';
import { providerProblems } from '../provider-problems.js';
import { credentialProperties } from '../rows/credential-schema.js';
import { entryProblems, namedSectionNames } from '../rows/named.js';
import { compileSchema, toProblems } from '../schema.js';
import { credentialContentProblems, teamProblems } from '../validate.js';
import { type PlacedProblem, type PlacedYaml, readPlacedYaml } from '../yaml/yaml-places.js';
import { withoutClearKeys } from './document.js';
import {
  documentSchema,
  keep,
  type WrittenDocument,
  type WrittenProvider,
} from './document-schema.js';

export interface ReadDocument {
  /** Null where there are problems. */
  document: WrittenDocument | null;
  problems: PlacedProblems;
  /** Locates problems found later in the text. */
  place(problems: readonly UnplacedProblem[]): PlacedProblems;
}

/** The first problems, in the order of the text, and the total number. */
export interface PlacedProblems {
  first: PlacedProblem[];
  total: number;
}

type UnplacedProblem = Pick<Problem, 'path' | 'reason'>;

/** More would not help a reader, and each costs a search of the text. */
const maxPlaced = 100;

const validateDocument = compileSchema<WrittenDocument>(documentSchema);

/**
 * Reads a document and checks it as far as possible without the daemon: its form and its fields.
 * Keys in clear become hashes. Takes time linear in the length of the text, whatever its errors.
 * @param most maximum number of problems to locate.
 */
export function readDocument(source: string, text: string, most = maxPlaced): ReadDocument {
  const yaml = readPlacedYaml(source, text);
  const place = (problems: readonly UnplacedProblem[]) =>
    inOrder(
      problems.slice(0, most).map(({ path, reason }) => yaml.place(path, reason)),
      problems.length,
    );
  if (yaml.problems.length > 0) {
    const problems = inOrder(yaml.problems.slice(0, most), yaml.problems.length);
    return { document: null, problems, place };
  }
  const written = yaml.value;
  if (!validateDocument(written)) {
    const errors = (validateDocument.errors ?? []).filter((error) => !isOfDisabled(error, written));
    const placed = errors.slice(0, most).flatMap((each) => shapeProblems(source, each, yaml.place));
    if (errors.length > 0) {
      return { document: null, problems: inOrder(placed, errors.length), place };
    }
  }
  const document = withoutClearKeys(written as WrittenDocument);
  const problems = place(contentProblems(source, written as WrittenDocument, document));
  return { document: problems.total > 0 ? null : document, problems, place };
}

function inOrder(first: PlacedProblem[], total: number): PlacedProblems {
  const shown = first.map(({ path, reason, ...place }) => ({
    ...place,
    path: shortened(path, maxToldLength),
    reason: shortened(reason, maxToldLength),
  }));
  return { first: shown.sort((a, b) => a.line - b.line || a.column - b.column), total };
}

/** A disabled provider may have an unknown type, such as that of an adopted row. */
function isOfDisabled({ instancePath, keyword }: ErrorObject, written: unknown): boolean {
  const [, section, name = '', field] = instancePath.split('/');
  if (section !== 'providers' || field === undefined || keyword === 'type') return false;
  const providers = (written as WrittenDocument).providers ?? {};
  return providers[name]?.is_enabled === false;
}

function shapeProblems(
  source: string,
  error: ErrorObject,
  place: PlacedYaml['place'],
): PlacedProblem[] {
  return toProblems(source, [error]).map(({ path, reason }) => {
    const unknown = error.params.additionalProperty ?? error.propertyName;
    if (unknown === undefined) return place(path, reason);
    const known = Object.keys(propertiesAt(error.schemaPath));
    const hint = error.propertyName === undefined ? didYouMean(unknown, known) : '';
    const placed = place(path ? `${path}.${unknown}` : unknown, `${reason}${hint}`);
    return { ...placed, path };
  });
}

/** The fields of the schema at the place of an error. */
function propertiesAt(schemaPath: string): object {
  let node: unknown = documentSchema;
  for (const name of schemaPath.split('/').slice(1, -1)) {
    node = node instanceof Object ? Reflect.get(node, decodeURIComponent(name)) : undefined;
  }
  const properties = node instanceof Object ? Reflect.get(node, 'properties') : undefined;
  return properties instanceof Object ? properties : {};
}

const { maxLength: maxNameLength } = credentialProperties.name;

function contentProblems(
  source: string,
  written: WrittenDocument,
  document: WrittenDocument,
): Problem[] {
  const { providers, teams, credentials } = document;
  const problems: Problem[] = [];
  for (const section of namedSectionNames) {
    for (const [name, fields] of Object.entries(document[section] ?? {})) {
      // The plan checks the whole row, which may exist.
      problems.push(...entryProblems(section, name, fields, source));
    }
  }
  for (const [key, fields] of Object.entries(providers ?? {})) {
    if (fields.is_enabled === false) continue;
    problems.push(...givenProblems(key, fields, source));
  }
  for (const [name, fields] of Object.entries(teams ?? {})) {
    problems.push(...teamProblems({ ...newTeam, id: null, name, ...fields }, source));
  }
  const labels = new Map<string, string>();
  for (const [label, fields] of Object.entries(credentials ?? {})) {
    const at = `credentials.${label}`;
    // The rest of its shape was checked with the document.
    if (label.replace(/#\d+$/, '').length > maxNameLength) {
      const reason = `must have at most ${maxNameLength} characters`;
      problems.push({ source, path: `${at}.name`, reason });
    }
    problems.push(...credentialContentProblems(fields, at, source));
    const hash = fields.credential_key;
    if (hash === undefined) continue;
    const other = labels.get(hash);
    if (other !== undefined)
      problems.push({ source, path: at, reason: `has the same key as "${other}"` });
    labels.set(hash, label);
  }
  if (document === written) return problems;
  for (const [label, fields] of Object.entries(written.credentials ?? {})) {
    if (fields.key === undefined || fields.credential_key === undefined) continue;
    const reason = 'give "key" or "credential_key", not both';
    problems.push({ source, path: `credentials.${label}.key`, reason });
  }
  return problems;
}

/** The problems of a provider's entry: without a type, those that it has whatever its type is. */
function givenProblems(key: string, fields: WrittenProvider, source: string): Problem[] {
  const complete = completeProvider(key, fields);
  const problems = providerProblems(complete, source);
  if (problems.length === 0 || fields.provider_type !== undefined) return problems;
  return providerTypes
    .map((provider_type) => providerProblems({ ...complete, provider_type }, source))
    .reduce((fewest, each) => (each.length < fewest.length ? each : fewest), problems);
}

/** Fills in missing fields with valid values, so that only the given ones can have problems. */
function completeProvider(provider_key: string, fields: WrittenProvider): Provider {
  return {
    ...newProvider,
    provider_key,
    api_base: 'https://provider.invalid/v1',
    api_key: keep,
    ...fields,
  };
}
