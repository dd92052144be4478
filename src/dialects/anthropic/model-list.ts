import { GatewayError } from '../../errors.js';

interface ModelInfo {
  type: 'model';
  id: string;
  display_name: string;
  created_at: string;
}

const defaultLimit = 20;
const maxLimit = 1_000;

/**
 * A page of models as Anthropic's API lists them.
 * @param ids all of them, in order.
 * @param query with `limit`, `after_id` and `before_id`.
 * @throws GatewayError `invalid_request` naming the parameter.
 */
export function modelsPage(ids: readonly string[], query: string): string {
  const parameters = new URLSearchParams(query);
  const limit = limitOf(parameters.get('limit'));
  const after = placeOf(ids, parameters, 'after_id');
  const before = placeOf(ids, parameters, 'before_id');
  if (after !== null && before !== null) {
    throw invalid('before_id', 'before_id and after_id cannot be used together.');
  }
  const from = before === null ? (after ?? -1) + 1 : Math.max(0, before - limit);
  const to = before ?? from + limit;
  const page = ids.slice(from, to);
  return JSON.stringify({
    data: page.map(modelInfo),
    has_more: before === null ? to < ids.length : from > 0,
    first_id: page[0] ?? null,
    last_id: page.at(-1) ?? null,
  });
}

/** The gateway knows neither a display name nor a creation time. */
export function modelInfo(id: string): ModelInfo {
  return { type: 'model', id, display_name: id, created_at: '1970-01-01T00:00:00Z' };
}

function limitOf(text: string | null): number {
  if (text === null) return defaultLimit;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > maxLimit) {
    throw invalid('limit', `limit must be a whole number from 1 to ${maxLimit}.`);
  }
  return limit;
}

function placeOf(ids: readonly string[], parameters: URLSearchParams, name: string): number | null {
  const id = parameters.get(name);
  if (id === null) return null;
  const place = ids.indexOf(id);
  if (place < 0) throw invalid(name, `${name} names no model of this list.`);
  return place;
}

function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param });
}
