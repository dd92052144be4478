import { randomBytes } from 'node:crypto';
import { isForm } from '../dialects/body/multipart.js';
import { resourceEndpoints } from '../dialects/endpoints.js';
import type { Exchange } from '../server/exchange.js';
import { ProviderError } from './provider-error.js';

/** Something that was made here, as its API tells it. */
type Made = Record<string, unknown> & { id: string };

interface Stored {
  object: Made;
  /** Content of a file. */
  content: { type: string; bytes: Buffer } | null;
}

/** Prefix of a collection's ids, and the name of its objects. */
const kinds: Readonly<Record<string, { prefix: string; object: string }>> = {
  '/responses': { prefix: 'resp_', object: 'response' },
  '/conversations': { prefix: 'conv_', object: 'conversation' },
  '/files': { prefix: 'file-', object: 'file' },
  '/uploads': { prefix: 'upload_', object: 'upload' },
  '/batches': { prefix: 'batch_', object: 'batch' },
  '/vector_stores': { prefix: 'vs_', object: 'vector_store' },
  '/fine_tuning/jobs': { prefix: 'ftjob-', object: 'fine_tuning.job' },
  '/messages/batches': { prefix: 'msgbatch_', object: 'message_batch' },
};

const maxStored = 10_000;
const defaultLimit = 20;

export interface Resources {
  /** True if the path belongs to a collection. */
  has(path: string): boolean;
  /** @param path as OpenAI has it. */
  answer(exchange: Exchange, path: string, body: Buffer, headers: readonly string[]): Promise<void>;
  /** Keeps a response that a model has given; `store: false` does not come here. */
  keepResponse(response: Made): void;
  hasResponse(id: string): boolean;
}

/** Things with an id: what was made is kept in memory, and given back as it was said. */
export function createResources(): Resources {
  const byCollection = new Map<string, Map<string, Stored>>();
  const storeOf = (collection: string) => {
    const store = byCollection.get(collection) ?? new Map<string, Stored>();
    byCollection.set(collection, store);
    return store;
  };
  const keep = (collection: string, stored: Stored) => {
    const store = storeOf(collection);
    store.set(stored.object.id, stored);
    const [oldest] = store.keys();
    if (store.size > maxStored && oldest !== undefined) store.delete(oldest);
  };

  return {
    has: (path) => collectionOf(path) !== null,
    hasResponse: (id) => storeOf('/responses').has(id),
    keepResponse: (object) => keep('/responses', { object, content: null }),
    async answer(exchange, path, body, headers) {
      const { method } = exchange;
      const collection = collectionOf(path) ?? '';
      const store = storeOf(collection);
      const [, id = '', verb = ''] = path.slice(`/v1${collection}`.length).split('/');
      const respond = (object: object) =>
        exchange.respond(
          200,
          ['content-type', 'application/json', ...headers],
          JSON.stringify(object),
        );
      if (id === '') {
        if (method === 'GET') return respond(page(store, exchange.query));
        const made = await makeOne(exchange, collection, body);
        if (
          collection === '/batches' &&
          !storeOf('/files').has(String(made.object.input_file_id))
        ) {
          throw notFound(String(made.object.input_file_id));
        }
        if (collection === '/messages/batches') {
          const { id: batch } = made.object;
          made.object.results_url = `https://api.anthropic.com/v1${collection}/${batch}/results`;
        }
        keep(collection, made);
        return respond(made.object);
      }
      const stored = store.get(id);
      if (!stored) throw notFound(id);
      const { object, content } = stored;
      if (method === 'DELETE') {
        store.delete(id);
        return respond(
          object.type === 'file'
            ? { id, type: 'file_deleted' }
            : { id, object: `${object.object}.deleted`, deleted: true },
        );
      }
      if (method === 'GET' && verb === 'content' && content) {
        exchange.respond(200, ['content-type', content.type, ...headers], content.bytes);
        return;
      }
      if (method === 'POST' && verb === 'cancel') {
        object.status = 'cancelled';
        return respond(object);
      }
      if (method === 'POST' && verb === 'complete') {
        const file = await makeOne(exchange, '/files', Buffer.from('{"purpose":"batch"}'));
        keep('/files', file);
        return respond({ ...object, status: 'completed', file: file.object });
      }
      if (verb === 'results' && Array.isArray(object.requests)) {
        const lines = object.requests.map(
          ({ custom_id }) => `${JSON.stringify({ custom_id, result: { type: 'expired' } })}\n`,
        );
        const type = ['content-type', 'application/x-jsonl', ...headers];
        exchange.respond(200, type, lines.join(''));
        return;
      }
      if (verb !== '' && method === 'GET') {
        return respond({
          object: 'list',
          data: [],
          has_more: false,
          first_id: null,
          last_id: null,
        });
      }
      const fields = isForm(exchange.header('content-type')) ? {} : fieldsOf(body);
      if (verb !== '') return respond({ id: idOf('part_'), object: verb, ...fields });
      if (method === 'POST') Object.assign(object, fields);
      return respond(object);
    },
  };
}

/** The newest first, as everywhere. */
function page(store: ReadonlyMap<string, Stored>, query: string): object {
  const parameters = new URLSearchParams(query);
  const all = [...store.values()].map(({ object }) => object).reverse();
  const after = parameters.get('after') ?? parameters.get('after_id');
  const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
  const limit = Number(parameters.get('limit') ?? defaultLimit);
  const data = all.slice(from, from + limit);
  return {
    object: 'list',
    data,
    has_more: from + limit < all.length,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}

async function makeOne(exchange: Exchange, collection: string, body: Buffer): Promise<Stored> {
  const { prefix, object } = kinds[collection] ?? { prefix: 'x_', object: 'x' };
  const common = { id: idOf(prefix), object, created_at: 1_700_000_000, status: 'in_progress' };
  const type = exchange.header('content-type');
  if (!isForm(type) || collection !== '/files') {
    return { object: { ...common, ...(isForm(type) ? {} : fieldsOf(body)) }, content: null };
  }
  const form = await new Response(body, { headers: { 'content-type': type } }).formData();
  const file = form.get('file');
  if (!(file instanceof Blob))
    throw new ProviderError(400, 'file must be a file', { param: 'file' });
  const bytes = Buffer.from(await file.arrayBuffer());
  const name = 'name' in file ? String(file.name) : 'file';
  if (exchange.header('anthropic-version') !== '') {
    const id = idOf('file_');
    const about = { filename: name, mime_type: file.type, size_bytes: bytes.length };
    const created_at = '2026-01-01T00:00:00Z';
    return {
      object: { id, type: 'file', ...about, created_at, downloadable: false },
      content: { type: file.type || 'application/octet-stream', bytes },
    };
  }
  const fields = { bytes: bytes.length, filename: name, purpose: form.get('purpose') };
  return {
    object: { ...common, status: 'processed', ...fields },
    content: { type: file.type || 'application/octet-stream', bytes },
  };
}

function fieldsOf(body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString()) as Record<string, unknown>;
  } catch {
    throw new ProviderError(400, 'We could not parse the JSON body of your request.');
  }
}

export function idOf(prefix: string): string {
  return prefix + randomBytes(12).toString('hex');
}

function collectionOf(path: string): string | null {
  const endpoint = resourceEndpoints.find(({ pattern }) =>
    pattern.endsWith('{id}') ? path.startsWith(pattern.slice(0, -4)) : path === pattern,
  );
  return endpoint?.path ?? null;
}

function notFound(id: string): ProviderError {
  return new ProviderError(404, `No such object: ${id}`, { code: 'not_found' });
}
