import type { Loss } from '../../dialects/codec.js';
import type { Usage } from '../../dialects/conversation.js';
import type { DialectName } from '../../dialects/dialect.js';
import { estimateTokens } from '../../dialects/token-count/estimate.js';
import { readCounted } from '../../dialects/token-count/translate.js';
import type { ReasoningKeeper } from '../../dialects/translate/kept-reasoning.js';
import type { FetchedMedia } from '../../dialects/translate/remote-media.js';
import { recallable } from '../../dialects/translate/sealing.js';
import type { TranslatedError } from '../../dialects/translate/translator.js';
import {
  answersOver,
  type Back,
  mediaWanted,
  type ReadOnce,
  readOnce,
  translateOver,
  type Way,
} from '../../dialects/translate/way.js';
import {
  tokenCountCodecOf,
  type WayNames,
  wayBetween,
} from '../../dialects/translate/way-between.js';
import type { SentError } from '../../errors.js';

interface Between {
  names: WayNames;
  /** Its key. */
  provider: string;
  sealKey: Uint8Array;
}

export interface RequestTask extends Between {
  type: 'request';
  body: Uint8Array;
  model: string;
  stream: boolean;
  /** True if media by URL are fetched. */
  fetches: boolean;
}

export interface AnswerTask extends Between {
  type: 'answer';
  body: Uint8Array;
  status: number;
  back: Back;
}

export interface EstimateTask {
  type: 'estimate';
  body: Uint8Array;
  model: string;
  dialect: DialectName;
}

/** The data for a request that only the worker has. */
export interface Wanted {
  /** Addresses of media whose content the provider must be given. */
  urls: readonly string[];
  /** Tool calls whose reasoning may be kept. */
  calls: readonly string[];
}

export type KeptFor = Parameters<ReasoningKeeper['put']>;

export interface Given {
  media: ReadonlyMap<string, FetchedMedia>;
  kept: readonly KeptFor[];
}

export interface WrittenRequest {
  body: Uint8Array;
  losses: readonly Loss[];
  back: Back;
}

export interface WrittenAnswer {
  body: Uint8Array;
  usage: Usage | null;
  /** Null: the provider's answer is what was asked for. */
  error: Pick<TranslatedError, 'error' | 'status'> | null;
  /** Reasoning for the next turn. */
  kept: readonly KeptFor[];
}

export type TranslationTask = RequestTask | AnswerTask | EstimateTask;
export type TranslationAnswer = WrittenRequest | WrittenAnswer | { body: Uint8Array };
export type TranslationSaid = TranslationAnswer | { failure: SentError };

/** @throws GatewayError as what it calls. */
export async function doTask(
  task: TranslationTask,
  ask: (wanted: Wanted) => Promise<Given>,
): Promise<TranslationAnswer> {
  switch (task.type) {
    case 'request':
      return writeRequest(task, ask);
    case 'answer':
      return writeAnswer(task);
    case 'estimate':
      return estimate(task);
  }
}

async function writeRequest(
  { names, provider, sealKey, body, model, stream, fetches }: RequestTask,
  ask: (wanted: Wanted) => Promise<Given>,
): Promise<WrittenRequest> {
  const way = wayOf(names);
  const once: ReadOnce = { conversation: null };
  const request = { body: bytesOf(body), model, stream };
  const wanted = wantedBy(way, request, once, fetches);
  const isAlone = wanted.urls.length + wanted.calls.length === 0;
  const { media, kept } = isAlone ? nothing : await ask(wanted);
  once.media = media;
  const found = new Map(kept);
  const keeper: ReasoningKeeper = { get: (id) => found.get(id) ?? null, put: () => {} };
  const seals = { key: bytesOf(sealKey), kept: keeper };
  const { losses, back, ...written } = translateOver(way, request, once, provider, seals);
  return { body: written.body, losses, back };
}

function wantedBy(
  way: Way,
  request: Parameters<typeof readOnce>[1],
  once: ReadOnce,
  fetches: boolean,
): Wanted {
  const urls = fetches ? mediaWanted(way, request, once) : [];
  if (way.operation !== 'chat') return { urls, calls: [] };
  const { messages } = readOnce(way, request, once);
  return { urls, calls: recallable(messages, way.client.dialect) };
}

const nothing: Given = { media: new Map(), kept: [] };

function writeAnswer({ names, provider, sealKey, body, status, back }: AnswerTask): WrittenAnswer {
  const kept: KeptFor[] = [];
  const keeper: ReasoningKeeper = { get: () => null, put: (...each) => kept.push(each) };
  const seals = { key: bytesOf(sealKey), kept: keeper };
  const answers = answersOver(wayOf(names), back, provider, seals);
  const bytes = bytesOf(body);
  const said = status >= 400 ? answers.error(bytes, status) : answers.answer(bytes);
  const written = Buffer.from(said.body);
  if ('usage' in said) return { body: written, usage: said.usage, error: null, kept };
  const { error } = said;
  return { body: written, usage: null, error: { error, status: said.status }, kept };
}

function estimate({ body, model, dialect }: EstimateTask): { body: Uint8Array } {
  const codec = tokenCountCodecOf(dialect);
  if (!codec) throw new Error(`${dialect} does not count tokens`);
  const count = estimateTokens(readCounted(codec, bytesOf(body), model));
  return { body: Buffer.from(codec.writeCount(count)) };
}

function wayOf(names: WayNames): Way {
  const way = wayBetween(names);
  if (!way) throw new Error(`no translation leads from ${names.client} to ${names.provider}`);
  return way;
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
