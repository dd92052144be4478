import type {
  Codec,
  Loss,
  ProviderCodec,
  RenamedTool,
  RequestPlace,
  RequestTarget,
} from '../codec.js';
import { renamed as namedByClient, readField, readProvider } from '../conversation/checked.js';
import { Losses } from '../conversation/losses.js';
import type {
  ConversationAnswer,
  ConversationDialect,
  ConversationError,
  ConversationRequest,
  Usage,
} from '../conversation.js';
import type { ReasoningKeeper } from './kept-reasoning.js';
import { type FetchedMedia, placeMedia, refuseFiles } from './remote-media.js';
import { restoreAnswer } from './restore.js';
import { type SealContext, sealBlocks, unseal } from './sealing.js';
import { StreamPipe } from './stream-pipe.js';

/**
 * Reads a client's request, once; each attempt writes it for its own provider.
 * @throws GatewayError `invalid_request` naming the field that cannot be read.
 */
export function readConversation(
  client: Codec,
  body: Buffer,
  place: RequestPlace,
): ConversationRequest {
  return readField(() => client.readRequest(body, place));
}

/** From one dialect to another at one provider. Made once, kept in the route. */
export class Translator {
  readonly #client: Codec;
  readonly #provider: ProviderCodec;
  readonly #seals: SealContext;

  /** @param key signs what a client keeps for a provider. */
  constructor(
    client: Codec,
    provider: ProviderCodec,
    providerName: string,
    key: Buffer,
    kept: ReasoningKeeper | null,
  ) {
    this.#client = client;
    this.#provider = provider;
    const dialects = { client: client.dialect, provider: provider.dialect };
    this.#seals = { ...dialects, providerName, key, kept };
  }

  write(
    request: ConversationRequest,
    target: RequestTarget,
    fetched: ReadonlyMap<string, FetchedMedia> = nothing,
  ): Translation {
    const losses = new Losses();
    const { choices, logprobs } = request;
    if (choices !== null && choices > 1) losses.reject('choices', 'asks for more than one answer');
    if (logprobs !== null) losses.drop('logprobs', 'is not translated');
    const unsealed = unseal(request.messages, this.#seals, losses);
    if (!isSameMaker(this.#client, this.#provider)) refuseFiles(request.messages, losses);
    const messages = placeMedia(unsealed, this.#provider, fetched, losses);
    const sent = { ...request, messages, choices: null, logprobs: null };
    const written = readField(() => this.#provider.writeRequest(sent, target));
    const lost = namedByClient([...losses.list, ...written.losses], this.#client.fields);
    const { body, renamed } = written;
    const { model, streamUsage } = request;
    const back = { model, streamUsage, renamed };
    return new Translation(this.#client, this.#provider, this.#seals, back, body, lost);
  }

  /** The way back for the answer of a request that was written elsewhere. */
  answers(back: AskedConversation): AnswerTranslation {
    return new AnswerTranslation(this.#client, this.#provider, this.#seals, back);
  }
}

const nothing: ReadonlyMap<string, FetchedMedia> = new Map();

/** Chat and responses of one provider know the same files. */
function isSameMaker({ dialect: one }: ProviderCodec, { dialect: other }: ProviderCodec): boolean {
  return one.split('.')[0] === other.split('.')[0];
}

export interface TranslatedAnswer {
  answer: ConversationAnswer;
  body: string;
  usage: Usage | null;
}

export interface TranslatedError {
  error: ConversationError;
  status: number;
  body: string;
}

/** The status by which clients of a dialect know a kind of error. */
function clientStatus(error: ConversationError, client: ConversationDialect): number {
  const anthropic = client === 'anthropic.messages';
  if (error.kind === 'overloaded') return anthropic ? 529 : 503;
  if (error.kind === 'billing') return anthropic ? 402 : 429;
  return error.status;
}

/** The parts of a request that its answer depends on. Can be sent between threads. */
export interface AskedConversation {
  model: string;
  streamUsage: boolean;
  renamed: ReadonlyMap<string, RenamedTool> | null;
}

/** The provider's error in the client's dialect, with its text as it is. */
export function translateError(
  client: Codec,
  provider: ProviderCodec,
  body: Buffer,
  status: number,
): TranslatedError {
  return errorFor(client, provider.readError(body, status));
}

function errorFor(client: Codec, error: ConversationError): TranslatedError {
  return { error, status: clientStatus(error, client.dialect), body: client.writeError(error) };
}

/** The way back of one request's answer. */
class AnswerTranslation {
  readonly back: AskedConversation;
  readonly #client: Codec;
  readonly #provider: ProviderCodec;
  readonly #seals: SealContext;

  constructor(client: Codec, provider: ProviderCodec, seals: SealContext, back: AskedConversation) {
    this.back = back;
    this.#client = client;
    this.#provider = provider;
    this.#seals = seals;
  }

  /**
   * A whole answer in the client's dialect. One that says that it failed comes as its error.
   * @throws GatewayError `upstream_failed` if it cannot be read as an answer.
   */
  answer(body: Buffer): TranslatedAnswer | TranslatedError {
    const read = readProvider(() => this.#provider.readAnswer(body));
    if (read.error) return errorFor(this.#client, read.error);
    const { model, renamed } = this.back;
    const restored = renamed ? restoreAnswer(read, renamed) : read;
    const answer = { ...restored, content: sealBlocks(restored.content, this.#seals) };
    const written = this.#client.writeAnswer(answer, model);
    return { answer, body: written, usage: answer.usage };
  }

  error(body: Buffer, status: number): TranslatedError {
    return translateError(this.#client, this.#provider, body, status);
  }

  stream(requestId?: string): StreamPipe {
    const { model, streamUsage, renamed } = this.back;
    const writer = this.#client.streamWriter(model, streamUsage, requestId);
    return new StreamPipe(this.#client, this.#provider, writer, renamed, this.#seals);
  }
}

/** One request as one provider is sent it, and the way back of its answer. */
class Translation extends AnswerTranslation {
  readonly body: Buffer;
  /** Losses of this translation, with the client's names of fields. */
  readonly losses: readonly Loss[];

  constructor(
    client: Codec,
    provider: ProviderCodec,
    seals: SealContext,
    back: AskedConversation,
    body: Buffer,
    losses: readonly Loss[],
  ) {
    super(client, provider, seals, back);
    this.body = body;
    this.losses = losses;
  }
}
