import type { ProviderCodec } from '../codec.js';
import { readCohereError } from '../embeddings/cohere.js';
import { CohereStreamReader, readCohereAnswer } from './chat-answer.js';
import { writeCohereRequest } from './chat-request.js';

/** `cohere.chat`, version 2: spoken by Cohere only, and by no client. */
export const cohereChatCodec: ProviderCodec = {
  dialect: 'cohere.chat',
  takesUrl: (kind) => kind === 'image',
  writeRequest: writeCohereRequest,
  readAnswer: readCohereAnswer,
  streamReader: () => new CohereStreamReader(),
  readError: readCohereError,
};
