import type { Credential, Provider, Team } from '../configuration.js';
import type { Budget } from '../rows/budget.js';
import type { Canary } from '../rows/canary.js';
import { credentialProperties, teamProperties } from '../rows/credential-schema.js';
import type { Guardrail } from '../rows/guardrail.js';
import type { Mirror } from '../rows/mirror.js';
import { namedSchema } from '../rows/named.js';
import type { Price } from '../rows/price.js';
import { providerProperties } from '../rows/provider-schema.js';
import type { Stop } from '../rows/stop.js';
import {
  keyPattern,
  maxKeyLength,
  minKeyLength,
  minOldKeyLength,
} from '../secrets/credential-key.js';

/** Stands in a document for a secret that stays unchanged. */
export const keep = 'keep';

/** A configuration as people write it: providers by key, teams and client keys by name. */
export interface WrittenDocument {
  providers?: Record<string, WrittenProvider> | null;
  teams?: Record<string, WrittenTeam> | null;
  credentials?: Record<string, WrittenCredential> | null;
  prices?: Record<string, Partial<Price>> | null;
  budgets?: Record<string, Partial<Budget>> | null;
  stops?: Record<string, Partial<Stop>> | null;
  guardrails?: Record<string, Partial<Guardrail>> | null;
  mirrors?: Record<string, Partial<Mirror>> | null;
  canaries?: Record<string, Partial<Canary>> | null;
}

export type WrittenProvider = Partial<Omit<Provider, 'provider_key'>>;

export type WrittenTeam = Partial<Omit<Team, 'id' | 'name'>>;

/** `key` is the key itself; only its hash is used. */
export type WrittenCredential = Partial<Omit<Credential, 'id'>> & {
  key?: string;
  allow_short_key?: boolean;
};

const { provider_key, ...providerFields } = providerProperties;
const { name: teamName, ...teamFields } = teamProperties;

const optionalName = {
  ...credentialProperties.name,
  description: 'Whom the key is for; what the entry is called unless given.',
};

/**
 * JSON Schema of the document, built from the same parts as those of override files and the admin
 * API. `config/llmproxy.schema.json` is generated from it, for editors.
 */
export const documentSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'llmproxy configuration',
  description:
    'Providers, teams, keys, prices, budgets, stops, guardrails, mirrors and canaries, as `llmproxy config export` writes and `config apply` reads.',
  type: 'object',
  additionalProperties: false,
  properties: {
    providers: {
      type: ['object', 'null'],
      description: 'Upstream APIs, by a unique key. Fields that are not given stay as they are.',
      propertyNames: { pattern: provider_key.pattern },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: {
          ...providerFields,
          api_key: {
            ...providerFields.api_key,
            description:
              'Secret sent as the bearer token: `keep` for the one that is there, a reference (`env:NAME`, `file:/path`), or the secret itself.',
          },
        },
      },
    },
    teams: {
      type: ['object', 'null'],
      description: 'Teams of keys, by name.',
      propertyNames: { maxLength: teamName.maxLength, pattern: teamName.pattern },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: teamFields,
      },
    },
    credentials: {
      type: ['object', 'null'],
      description: 'Keys of clients, by name; by `name#id` where several have one name.',
      propertyNames: { minLength: 1, maxLength: 220 },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: {
          credential_key: {
            type: 'string',
            pattern: '^[0-9a-f]{64}$',
            description: 'SHA-256 of the key, in lower-case hex.',
          },
          key: {
            type: 'string',
            minLength: minOldKeyLength,
            maxLength: maxKeyLength,
            pattern: keyPattern,
            description: 'The key itself, in place of its hash; only its hash is stored.',
          },
          allow_short_key: {
            type: 'boolean',
            description: `True takes a new \`key\` of fewer than ${minKeyLength} characters, which can be guessed.`,
          },
          key_preview: {
            type: 'string',
            maxLength: 64,
            description: 'What may be shown of the key, such as `sk-…abcd`.',
          },
          ...credentialProperties,
          name: optionalName,
        },
      },
    },
    prices: { ...namedSchema('prices'), description: 'Prices of models, by name.' },
    budgets: { ...namedSchema('budgets'), description: 'What may be spent, by name.' },
    stops: { ...namedSchema('stops'), description: 'Kill switches that are thrown, by name.' },
    guardrails: {
      ...namedSchema('guardrails'),
      description: 'Checks of the texts of requests and answers, by name.',
    },
    mirrors: { ...namedSchema('mirrors'), description: 'Samples of requests sent elsewhere too.' },
    canaries: {
      ...namedSchema('canaries'),
      description: 'Moves of requests to another provider or model, step by step.',
    },
  },
} as const;
