import { GatewayError } from '../../errors.js';

interface ModelInfo {
  name: string;
  displayName: string;
  supportedGenerationMethods: string[];
}

const defaultSize = 50;
const maxSize = 1_000;

/**
 * A page of models as Gemini's API lists them.
 * @param ids all of them, sorted.
 * @param query with `pageSize` and `pageToken`.
 * @throws GatewayError `invalid_request` naming the parameter.
 */
export function modelsPage(ids: readonly string[], query: string): string {
  const parameters = new URLSearchParams(query);
  const size = sizeOf(parameters.get('pageSize') ?? '');
  const after = idIn(parameters.get('pageToken') ?? '');
  const rest = after === '' ? ids : ids.filter((id) => id > after);
  const page = rest.slice(0, size);
  const last = page.at(-1);
  const hasMore = last !== undefined && rest.length > page.length;
  return JSON.stringify({
    models: page.map(modelInfo),
    ...(hasMore && { nextPageToken: Buffer.from(last).toString('base64url') }),
  });
}

/** Like Google, reduces a page size that is too large. */
function sizeOf(text: string): number {
  if (!/^\d{0,9}$/.test(text)) throw invalid('pageSize', 'pageSize must be a whole number.');
  return Math.min(Number(text) || defaultSize, maxSize);
}

/** The last id of the page before; empty for the first page. */
function idIn(token: string): string {
  const id = Buffer.from(token, 'base64url');
  if (id.toString('base64url') !== token) throw invalid('pageToken', 'pageToken is not valid.');
  return id.toString();
}

function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param });
}

/** The gateway knows neither a display name nor the abilities. */
export function modelInfo(id: string): ModelInfo {
  const supportedGenerationMethods = ['generateContent', 'countTokens'];
  return { name: `models/${id}`, displayName: id, supportedGenerationMethods };
}
