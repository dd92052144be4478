import { kindNames } from '../../config/documents/kinds.js';
import type { Parameter } from '../route.js';
import { replaySchema } from './replay-schema.js';

export const documentProperties = {
  document: {
    type: 'string',
    description: 'The document in YAML or JSON, in the form of `GET /admin/v1/config/export`.',
  },
  prune: {
    type: 'boolean',
    default: false,
    description: 'Remove providers and keys that are not in the document.',
  },
};

export const applyProperties = {
  message: { type: 'string', maxLength: 1_000, description: 'Reason, for the history.' },
  base_version: {
    type: 'integer',
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'Apply only if this is still the version, such as that of a plan.',
  },
};

export const documentExample = 'providers:\n  openai-main:\n    weight: 3\n';

const version = { type: 'integer', description: 'Version of the configuration.' };

export const targetVersion = {
  type: 'integer',
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'The version to return to, as listed in the history.',
};

const planProperties = {
  version,
  changes: {
    type: 'array',
    items: {
      type: 'object',
      required: ['kind', 'action', 'name', 'id', 'fields'],
      properties: {
        kind: { type: 'string', enum: kindNames },
        action: { type: 'string', enum: ['create', 'update', 'delete'] },
        name: { type: 'string' },
        id: { type: ['integer', 'null'] },
        fields: { type: 'array', items: { type: 'object' } },
      },
    },
  },
  effect: {
    type: 'object',
    description:
      'Effect on models (`before` and `after` by provider, share and translated APIs) and keys.',
    required: ['models', 'keys', 'stranded', 'unusable'],
    properties: {
      models: { type: 'array', items: { type: 'object' } },
      keys: { type: 'array', items: { type: 'object' } },
      stranded: {
        type: 'array',
        items: { type: 'string' },
        description: 'Keys left without any model that they may use.',
      },
      unusable: {
        type: 'array',
        items: { type: 'string' },
        description: 'Providers that count as serving nothing: their secrets cannot be used here.',
      },
    },
  },
};

export const planAnswer = {
  type: 'object',
  required: ['version', 'changes', 'effect'],
  properties: { ...planProperties, replay: replaySchema },
};

export const appliedAnswer = {
  type: 'object',
  required: ['version', 'applied', 'changes', 'effect'],
  properties: {
    ...planProperties,
    applied: { type: 'boolean', description: 'False where there was nothing to change.' },
  },
};

export const versionParameter: Parameter = {
  name: 'version',
  in: 'path',
  required: true,
  description: 'As listed in the history.',
  schema: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
};

export const documentResponse = {
  description: 'The document',
  content: { 'application/yaml': { schema: { type: 'string' } } },
};
