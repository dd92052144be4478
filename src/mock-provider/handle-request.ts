import { codecs } from '../dialects/codecs.js';
import { WrongField } from '../dialects/conversation/read.js';
import type { ModelEndpoint } from '../dialects/endpoint.js';
import { modelEndpoints } from '../dialects/endpoints.js';
import { generateCodec } from '../dialects/gemini/generate-codec.js';
import { tokenCountCodecs } from '../dialects/token-count/codecs.js';
import { GatewayError } from '../errors.js';
import { AbortedError, type Exchange, type RequestHandler } from '../server/exchange.js';
import { createTextAnswers } from './answer-text.js';
import { fieldsOf, parseBody } from './ask.js';
import { createClientSecrets } from './client-secrets.js';
import { type CloudEndpoint, cloudEndpoint } from './clouds.js';
import { createConversations } from './conversations.js';
import { countBody } from './count-tokens.js';
import { embeddingAnswer, geminiEmbeddingBody } from './embeddings.js';
import { errorBody } from './error-body.js';
import { answerLive, isLive } from './live.js';
import { geminiModelsBody, modelBody, modelsBody } from './models.js';
import { type Behaviour, changeBehaviour } from './options.js';
import { type PlainAnswer, plainAnswers } from './plain-answers.js';
import { waitFor } from './play-stream.js';
import { ProviderError } from './provider-error.js';
import { seededRandom } from './random.js';
import { answerRealtime } from './realtime.js';
import { createResources, idOf } from './resources.js';
import { createCounter, type MockStats } from './stats.js';
import { steer } from './steer.js';
import { steeringOf } from './steering.js';

const maxBodyBytes = 256 * 1024 * 1024;

/** The request handler of the mock provider, independent of any server. */
export function createHandler(
  name: string,
  initial: Behaviour,
): { handler: RequestHandler; stats: MockStats } {
  const nameHeader = ['x-mock-provider', name];
  const jsonHeaders = ['content-type', 'application/json', ...nameHeader];
  const counter = createCounter();
  let behaviour = initial;
  let random = seededRandom(initial.seed);
  let answerText = createTextAnswers(initial, nameHeader);
  let converse = createConversations(initial, nameHeader);
  const resources = createResources();
  const secrets = createClientSecrets();

  return { handler, stats: counter.stats };

  function handler(exchange: Exchange): void {
    if (exchange.path === '/health') {
      respond(exchange, '{"status":"ok"}');
    } else if (exchange.path.startsWith('/mock/')) {
      control(exchange).catch((error: unknown) => fail(exchange, error));
    } else {
      counter.begin(exchange);
      answer(exchange)
        .catch((error: unknown) => fail(exchange, error))
        .finally(counter.end);
    }
  }

  async function answer(exchange: Exchange): Promise<void> {
    authorize(exchange);
    const { method } = exchange;
    const path = exchange.path.replace(azure, '/v1');
    if (method === 'GET' && path === '/v1/models') {
      respond(exchange, modelsBody());
    } else if (method === 'GET' && path.startsWith('/v1/models/')) {
      respond(exchange, modelBody(decodeURIComponent(path.slice('/v1/models/'.length))));
    } else if (resources.has(path) && !modelEndpoints.some(({ pattern }) => pattern === path)) {
      await resources.answer(exchange, path, await readRequest(exchange), nameHeader);
    } else if (method === 'GET' && path === '/v1/realtime') {
      await answerRealtime(exchange, secrets);
    } else if (method === 'GET' && isLive(path)) {
      await answerLive(exchange);
    } else if (method === 'GET' && path === '/v1beta/models') {
      respond(exchange, geminiModelsBody());
    } else if (method === 'POST' && geminiPath.test(path)) {
      const [, name = '', verb = ''] = geminiPath.exec(path) ?? [];
      await answerGemini(exchange, decodeURIComponent(name), verb, await readRequest(exchange));
    } else if (method === 'POST' && cloudEndpoint(path)) {
      await answerCloud(exchange, cloudEndpoint(path) as CloudEndpoint);
    } else {
      const endpoint = modelEndpoints.find(({ pattern }) => pattern === path);
      if (!endpoint || method !== endpoint.method) throw unknownUrl(exchange);
      await answerModel(exchange, endpoint, await readRequest(exchange));
    }
  }

  async function answerCloud(exchange: Exchange, endpoint: CloudEndpoint): Promise<void> {
    const body = await readRequest(exchange);
    if (endpoint.kind === 'token_count') return respond(exchange, endpoint.answerTo(body));
    if (endpoint.kind === 'conversation') {
      const { codec, place, framing } = endpoint;
      return converse(exchange, codec, body, place, framing ?? undefined);
    }
    if (await steer(exchange, steeringOf(endpoint.model))) return;
    await waitFor(exchange, behaviour.latencyMs);
    respond(exchange, embeddingAnswer(endpoint.codec, body, endpoint.model));
  }

  async function answerGemini(
    exchange: Exchange,
    model: string,
    verb: string,
    body: Buffer,
  ): Promise<void> {
    const place = { model, stream: verb === 'streamGenerateContent' };
    if (verb === 'countTokens') {
      return respond(exchange, countBody(tokenCountCodecs['gemini.count_tokens'], body));
    }
    if (verb === 'embedContent') return respond(exchange, geminiEmbeddingBody(body));
    return converse(exchange, generateCodec, body, place);
  }

  async function answerModel(
    exchange: Exchange,
    { dialect: { name } }: ModelEndpoint,
    body: Buffer,
  ): Promise<void> {
    const plain = plainAnswers[name];
    if (plain) return answerPlain(exchange, plain, body);
    switch (name) {
      case 'openai.chat':
        return answerText(exchange, 'chat', body);
      case 'openai.completions':
        return answerText(exchange, 'completion', body);
      case 'anthropic.count_tokens':
      case 'openai.input_tokens':
        return respond(exchange, countBody(tokenCountCodecs[name], body));
      case 'openai.client_secrets':
        return respond(exchange, secrets.make(exchange.path, body));
      case 'openai.responses':
        return answerResponse(exchange, body);
      case 'anthropic.messages':
        return converse(exchange, codecs[name], body);
      default:
        throw unknownUrl(exchange);
    }
  }

  async function answerResponse(exchange: Exchange, body: Buffer): Promise<void> {
    const { store, previous_response_id: before } = parseBody(body);
    if (typeof before === 'string' && !resources.hasResponse(before)) {
      throw new ProviderError(400, `Previous response with id '${before}' not found.`, {
        code: 'previous_response_not_found',
        param: 'previous_response_id',
      });
    }
    const keep = (written: string) => {
      if (store !== false) resources.keepResponse(JSON.parse(written));
    };
    const kept = { id: idOf('resp_'), keep };
    return converse(exchange, codecs['openai.responses'], body, undefined, undefined, kept);
  }

  async function readRequest(exchange: Exchange): Promise<Buffer> {
    const body = await exchange.readBody(maxBodyBytes);
    if (behaviour.failRate > 0 && random() < behaviour.failRate) {
      throw new ProviderError(500, 'The server had an error while processing your request.');
    }
    return body;
  }

  async function answerPlain(
    exchange: Exchange,
    answerTo: PlainAnswer,
    body: Buffer,
  ): Promise<void> {
    const fields = await fieldsOf(exchange, body);
    if (await steer(exchange, steeringOf(fields.model))) {
      return;
    }
    const answered = answerTo(fields);
    await waitFor(exchange, behaviour.latencyMs);
    if (typeof answered === 'string') return respond(exchange, answered);
    exchange.respond(200, ['content-type', answered.type, ...nameHeader], answered.bytes);
  }

  /** Serves `/mock/stats` and `/mock/config`. */
  async function control(exchange: Exchange): Promise<void> {
    const { method, path } = exchange;
    if (method === 'GET' && path === '/mock/stats') {
      respond(exchange, JSON.stringify(counter.stats));
    } else if (method === 'GET' && path === '/mock/config') {
      respond(exchange, JSON.stringify(behaviour));
    } else if (method === 'POST' && path === '/mock/config') {
      configure(await exchange.readBody(maxBodyBytes));
      respond(exchange, JSON.stringify(behaviour));
    } else {
      throw unknownUrl(exchange);
    }
  }

  function configure(body: Buffer): void {
    try {
      behaviour = changeBehaviour(behaviour, JSON.parse(body.toString()));
    } catch (error) {
      throw new ProviderError(400, error instanceof Error ? error.message : String(error));
    }
    random = seededRandom(behaviour.seed);
    answerText = createTextAnswers(behaviour, nameHeader);
    converse = createConversations(behaviour, nameHeader);
  }

  function respond(exchange: Exchange, body: string): void {
    exchange.respond(200, jsonHeaders, body);
  }

  function fail(exchange: Exchange, error: unknown): void {
    if (error instanceof AbortedError) {
      counter.abort();
    } else if (exchange.headSent) {
      exchange.destroy();
    } else if (error instanceof ProviderError || error instanceof GatewayError) {
      const retry = error.status === 429 ? ['retry-after', '1'] : [];
      exchange.respond(error.status, [...jsonHeaders, ...retry], errorBody(exchange, error));
    } else if (error instanceof WrongField) {
      const refusal = new ProviderError(400, error.message, { param: error.field });
      exchange.respond(400, jsonHeaders, errorBody(exchange, refusal));
    } else {
      const failure = new ProviderError(500, `The mock provider failed: ${String(error)}`);
      exchange.respond(500, jsonHeaders, errorBody(exchange, failure));
    }
  }
}

/** Before OpenAI's own paths, as Azure has them. */
const azure = /^\/openai(?:\/v1|\/deployments\/[^/]+)?(?=\/)/;

const geminiPath =
  /^\/v1beta\/models\/([^/]+):((?:streamG|g)enerateContent|countTokens|embedContent)$/;

function authorize(exchange: Exchange): void {
  const keys = ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'];
  if (keys.every((name) => exchange.header(name) === '')) {
    throw new ProviderError(401, 'You did not provide an API key: send any in Authorization.', {
      code: 'missing_api_key',
    });
  }
}

function unknownUrl({ method, path }: Exchange): ProviderError {
  return new ProviderError(404, `Unknown request URL: ${method} ${path}.`, { code: 'unknown_url' });
}
