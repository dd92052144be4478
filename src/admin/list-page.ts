import type { Page } from '../db/queries/rows.js';
import type { Parameter } from './route.js';

/** Query parameters of the lists. */
export function pageParameters(searched: string): Parameter[] {
  return [
    {
      name: 'limit',
      in: 'query',
      description: 'Maximum number of rows; all by default.',
      schema: { type: 'integer', minimum: 1, maximum: 1_000_000 },
    },
    {
      name: 'offset',
      in: 'query',
      description: 'Number of rows to skip, from the lowest id.',
      schema: { type: 'integer', minimum: 0, maximum: 1_000_000_000, default: 0 },
    },
    {
      name: 'enabled',
      in: 'query',
      description: 'Only rows with this value of `is_enabled`.',
      schema: { type: 'boolean' },
    },
    {
      name: 'search',
      in: 'query',
      description: `Only rows whose \`${searched}\` contains this text, ignoring case.`,
      schema: { type: 'string', maxLength: 200 },
    },
  ];
}

/** The page requested by checked query parameters. */
export function pageOf(query: URLSearchParams): Page {
  const enabled = query.get('enabled');
  return {
    limit: Number(query.get('limit') ?? Number.MAX_SAFE_INTEGER),
    offset: Number(query.get('offset') ?? 0),
    search: query.get('search') ?? '',
    ...(enabled !== null && { enabled: enabled === 'true' }),
  };
}
