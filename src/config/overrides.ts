import type { Credential, Provider, Team } from './configuration.js';
import type { Problem } from './problem.js';
import { credentialProperties, teamProperties } from './rows/credential-schema.js';
import { eachNamed, type NamedSection, namedSchema, namedSectionNames } from './rows/named.js';
import { providerProperties } from './rows/provider-schema.js';
import { compileSchema, toProblems } from './schema.js';
import { hashKey, keyPattern, minOldKeyLength, previewKey } from './secrets/credential-key.js';
import { parseYaml } from './yaml/parse-yaml.js';

/** A local override file: its path and text. */
export interface OverrideFile {
  path: string;
  text: string;
}

/** The content of one override file: fields that replace a row's, or new objects. */
export interface Override {
  source: string;
  providers: Map<string, Partial<Omit<Provider, 'provider_key'>>>;
  /** By name. */
  teams: Map<string, Partial<Omit<Team, 'name' | 'id'>>>;
  /** By name. */
  credentials: Map<string, Partial<Omit<Credential, 'name' | 'id'>>>;
  /** Rows of the sections with unique names, by name. */
  named: Record<NamedSection, Map<string, object>>;
}

const { provider_key, ...providerFields } = providerProperties;
const { name, ...credentialFields } = credentialProperties;
const { name: teamName, ...teamFields } = teamProperties;

const validateOverride = compileSchema<
  {
    providers?: Record<string, Partial<Provider>> | null;
    teams?: Record<string, Partial<Team>> | null;
    credentials?: Record<string, Partial<Credential> & { key?: string }> | null;
  } & Partial<Record<NamedSection, Record<string, object> | null>>
>({
  type: 'object',
  additionalProperties: false,
  properties: {
    providers: {
      type: ['object', 'null'],
      propertyNames: { pattern: provider_key.pattern },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: providerFields,
      },
    },
    teams: {
      type: ['object', 'null'],
      propertyNames: { maxLength: teamName.maxLength, pattern: teamName.pattern },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: teamFields,
      },
    },
    ...Object.fromEntries(namedSectionNames.map((section) => [section, namedSchema(section)])),
    credentials: {
      type: ['object', 'null'],
      propertyNames: { minLength: name.minLength },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: {
          ...credentialFields,
          key: { type: 'string', minLength: minOldKeyLength, pattern: keyPattern },
          credential_key: { type: 'string', pattern: '^[0-9a-f]{64}$' },
        },
      },
    },
  },
});

/** Parses one override file (YAML or JSON); adds errors to `problems`. */
export function parseOverride({ path, text }: OverrideFile, problems: Problem[]): Override {
  const override: Override = {
    source: path,
    providers: new Map(),
    teams: new Map(),
    credentials: new Map(),
    named: eachNamed(() => new Map()),
  };
  const written = parseYaml(path, text, problems);
  if (written === null) return override;
  if (!validateOverride(written)) {
    problems.push(...toProblems(path, validateOverride.errors));
    return override;
  }
  override.providers = new Map(Object.entries(written.providers ?? {}));
  override.teams = new Map(Object.entries(written.teams ?? {}));
  for (const section of namedSectionNames) {
    override.named[section] = new Map(Object.entries(written[section] ?? {}));
  }
  for (const [credentialName, { key, ...fields }] of Object.entries(written.credentials ?? {})) {
    override.credentials.set(credentialName, {
      ...fields,
      // The row's preview would be wrong for another key.
      ...(fields.credential_key === undefined ? {} : { key_preview: '…' }),
      ...(key === undefined ? {} : { credential_key: hashKey(key), key_preview: previewKey(key) }),
    });
  }
  return override;
}
