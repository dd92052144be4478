import { countAt, isObject, listAt, parseBody, textAt, WrongField } from '../conversation/read.js';
import { mintedId, mintedToolId } from '../conversation/tool-ids.js';
import type {
  Block,
  ConversationAnswer,
  Finish,
  FinishReason,
  JsonObject,
  Usage,
} from '../conversation.js';
import { failedAnswer } from '../errors/conversation-error.js';
import { disjoint, inputTokens, outputTokens } from '../usage.js';
import { toGenerateError } from './error.js';
import { type CallIds, readPart } from './parts-read.js';
import { callPart, ownPart } from './parts-write.js';
import { asProto, protoAt } from './proto.js';

const reasons = new Map<string, FinishReason>(
  Object.entries({
    STOP: 'stop',
    MAX_TOKENS: 'length',
    SAFETY: 'content_filter',
    RECITATION: 'content_filter',
    BLOCKLIST: 'content_filter',
    PROHIBITED_CONTENT: 'content_filter',
    SPII: 'content_filter',
    IMAGE_SAFETY: 'content_filter',
    IMAGE_PROHIBITED_CONTENT: 'content_filter',
    IMAGE_RECITATION: 'content_filter',
    JAILBREAK: 'content_filter',
    MODEL_ARMOR: 'content_filter',
    CONTINUATION: 'pause',
    MALFORMED_FUNCTION_CALL: 'error',
    UNEXPECTED_TOOL_CALL: 'error',
    TOO_MANY_TOOL_CALLS: 'error',
  }),
);

const words: Readonly<Record<FinishReason, string>> = {
  stop: 'STOP',
  tool_calls: 'STOP',
  length: 'MAX_TOKENS',
  content_filter: 'SAFETY',
  refusal: 'PROHIBITED_CONTENT',
  pause: 'CONTINUATION',
  error: 'OTHER',
  other: 'OTHER',
};

/** @param called whether tools were called, which `STOP` does not show. */
export function generateFinish(raw: string | null, detail: string | null, called: boolean): Finish {
  let reason = raw === null ? 'other' : (reasons.get(raw) ?? 'other');
  if (reason === 'stop' && called) reason = 'tool_calls';
  return { reason, raw, sequence: null, detail };
}

export function generateFinishWord(finish: Finish): string {
  const { raw, reason } = finish;
  if (raw !== null && reason === 'other' && /^[A-Z_]+$/.test(raw)) return raw;
  if (raw !== null && reasons.get(raw) === reason) return raw;
  return words[reason];
}

/** Ids for the calls of one answer: the provider's own, else minted from the answer's. */
export class AnswerCallIds implements CallIds {
  readonly #answer: string | null;
  #calls = 0;

  constructor(answer: string | null) {
    this.#answer = answer;
  }

  call(_name: string, given: string | null): string {
    const position = this.#calls++;
    return given || mintedToolId(this.#answer, position);
  }

  result(_name: string, given: string | null): string {
    return given ?? '';
  }
}

/** The reason for blocking a prompt without an answer; null if it was not blocked. */
export function promptBlock(body: JsonObject): { raw: string; detail: string | null } | null {
  const feedback = protoAt(body, 'promptFeedback', '');
  const raw = feedback && textAt(feedback, 'blockReason', 'promptFeedback');
  if (!feedback || !raw) return null;
  return { raw, detail: textAt(feedback, 'blockReasonMessage', 'promptFeedback') };
}

/** @throws WrongField */
export function readGenerateAnswer(bytes: Buffer): ConversationAnswer {
  const body = asProto(parseBody(bytes), '');
  const id = textAt(body, 'responseId', '');
  const searches = new Set(webQueries(body)).size;
  const common = {
    id,
    model: textAt(body, 'modelVersion', ''),
    usage: readGenerateUsage(protoAt(body, 'usageMetadata', ''), searches),
  };
  if (isObject(body.error)) {
    const error = toGenerateError(body.error, 0);
    return { ...common, content: [], finish: generateFinish(error.code, null, false), error };
  }
  const blocked = promptBlock(body);
  const [first] = listAt(body, 'candidates', '') ?? [];
  if (first === undefined) {
    if (!blocked) throw new WrongField('candidates', 'must not be empty');
    const finish: Finish = { ...generateFinish(blocked.raw, blocked.detail, false) };
    return { ...common, content: [], finish: { ...finish, reason: 'content_filter' }, error: null };
  }
  const at = 'candidates[0]';
  const candidate = asProto(first, at);
  const content = protoAt(candidate, 'content', at);
  const ids = new AnswerCallIds(id);
  const parts = (content && listAt(content, 'parts', `${at}.content`)) ?? [];
  const blocks = merged(parts.flatMap((part, i) => readPart(part, `${at}.parts[${i}]`, ids)));
  const called = blocks.some(({ type }) => type === 'tool_call');
  const detail = textAt(candidate, 'finishMessage', at);
  const finish = generateFinish(textAt(candidate, 'finishReason', at), detail, called);
  const error = finish.reason === 'error' ? failedAnswer(finish.raw) : null;
  return { ...common, content: blocks, finish, error };
}

/** Parts are split where the model paused: consecutive texts are merged. */
function merged(blocks: readonly Block[]): Block[] {
  const whole: Block[] = [];
  for (const block of blocks) {
    const last = whole.at(-1);
    if (block.type === 'text' && last?.type === 'text') last.text += block.text;
    else if (block.type === 'reasoning' && last?.type === 'reasoning' && !last.seal) {
      if (block.seal && block.seal.slot !== 'thought') {
        whole.push(block);
        continue;
      }
      last.text += block.text;
      last.seal = block.seal;
    } else whole.push(block);
  }
  return whole;
}

export function writeGenerateAnswer(answer: ConversationAnswer, model: string): string {
  const parts: JsonObject[] = [];
  const writer = new PartWriter();
  for (const block of answer.content) {
    const part = writer.write(block);
    if (part) parts.push(part);
  }
  parts.push(...writer.rest());
  const candidate: JsonObject = {
    content: { parts, role: 'model' },
    finishReason: generateFinishWord(answer.finish),
    index: 0,
  };
  if (answer.finish.detail !== null) candidate.finishMessage = answer.finish.detail;
  return JSON.stringify({
    candidates: [candidate],
    usageMetadata: writeGenerateUsage(answer.usage),
    modelVersion: model,
    responseId: answer.id ?? mintedId(''),
  });
}

/** Blocks of an answer as parts; the signature of a call waits for it. */
export class PartWriter {
  #signature: string | null = null;

  /** Null for a block that needs no part, or must wait for the next one. */
  write(block: Block): JsonObject | null {
    switch (block.type) {
      case 'text':
      case 'refusal':
        return { text: block.text };
      case 'reasoning': {
        const { seal, text } = block;
        if (seal?.slot === 'call') {
          this.#signature = seal.data;
          return text === '' ? null : { text, thought: true };
        }
        if (seal?.slot === 'text') return { text: '', thoughtSignature: seal.data };
        const part: JsonObject = { text, thought: true };
        if (seal) part.thoughtSignature = seal.data;
        return part;
      }
      case 'tool_call': {
        const part = callPart(block, this.#signature);
        (part.functionCall as JsonObject).id = block.id;
        this.#signature = null;
        return part;
      }
      default:
        return ownPart(block);
    }
  }

  /** A signature whose expected call did not follow. */
  rest(): JsonObject[] {
    const signature = this.#signature;
    this.#signature = null;
    return signature === null ? [] : [{ text: '', thoughtSignature: signature }];
  }
}

/** The searches of the web that grounded an answer, or a piece of one; pieces may repeat them. */
export function webQueries({ candidates }: JsonObject): unknown[] {
  const given = Array.isArray(candidates) ? candidates.filter(isObject) : [];
  return given.flatMap((candidate) => {
    const { groundingMetadata } = asProto(candidate, '');
    const { webSearchQueries } = isObject(groundingMetadata) ? asProto(groundingMetadata, '') : {};
    return Array.isArray(webSearchQueries) ? webSearchQueries : [];
  });
}

/**
 * Thoughts are counted separately from the candidates; the prompt includes cached tokens.
 * @param searches how many the provider ran.
 */
export function readGenerateUsage(from: JsonObject | null, searches = 0): Usage | null {
  if (!from) return null;
  const reasoning = countAt(from, 'thoughtsTokenCount');
  const cached = modalitiesAt(from, 'cacheTokensDetails');
  const prompt = modalitiesAt(from, 'promptTokensDetails');
  const candidates = modalitiesAt(from, 'candidatesTokensDetails');
  const classes = disjoint({
    input: countAt(from, 'promptTokenCount') + countAt(from, 'toolUsePromptTokenCount'),
    cacheRead: countAt(from, 'cachedContentTokenCount'),
    cacheWrite: 0,
    audioInput: Math.max(0, prompt('AUDIO') - cached('AUDIO')),
    imageInput: Math.max(0, prompt('IMAGE') - cached('IMAGE')),
    output: countAt(from, 'candidatesTokenCount') + reasoning,
    reasoning,
    audioOutput: candidates('AUDIO'),
    imageOutput: candidates('IMAGE'),
  });
  return { ...classes, searches };
}

/** Tokens by modality, such as `[{"modality":"AUDIO","tokenCount":5}]`. */
function modalitiesAt(from: JsonObject, key: string): (modality: string) => number {
  const details = from[key];
  const list = Array.isArray(details) ? details.filter(isObject) : [];
  return (modality) =>
    list.reduce(
      (sum, one) => sum + (one.modality === modality ? countAt(one, 'tokenCount') : 0),
      0,
    );
}

export function writeGenerateUsage(usage: Usage | null): JsonObject {
  if (!usage) return {};
  const prompt = inputTokens(usage);
  const output = outputTokens(usage);
  const written: JsonObject = {
    promptTokenCount: prompt,
    candidatesTokenCount: output - usage.reasoning,
    totalTokenCount: prompt + output,
  };
  if (usage.reasoning > 0) written.thoughtsTokenCount = usage.reasoning;
  if (usage.cacheRead > 0) written.cachedContentTokenCount = usage.cacheRead;
  return written;
}
