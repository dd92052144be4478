import { Losses } from '../conversation/losses.js';
import { asList, WrongField } from '../conversation/read.js';
import type { EmbeddingRequest } from './codec.js';

/** A request with inputs only. */
export function emptyEmbedding(
  model: string,
  inputs: EmbeddingRequest['inputs'],
): EmbeddingRequest {
  return {
    model,
    inputs,
    single: false,
    dimensions: null,
    purpose: null,
    base64: false,
    user: null,
    unknown: [],
  };
}

/** The texts of a request; token ids are refused. */
export function textsOnly(request: EmbeddingRequest, losses: Losses): string[] {
  return request.inputs.map((input) => {
    if (typeof input === 'string') return input;
    losses.reject('inputs', 'holds tokens, which only the models of one family understand');
    return '';
  });
}

/** Reports the fields that a dialect lacks. */
export function lostIn(
  request: EmbeddingRequest,
  fields: readonly ('dimensions' | 'purpose' | 'user')[],
  losses = new Losses(),
): Losses {
  for (const field of fields) {
    if (request[field] !== null) losses.drop(field, 'has no counterpart');
  }
  for (const field of request.unknown) losses.drop(field, 'has no counterpart');
  return losses;
}

export function asVector(value: unknown, at: string): number[] {
  const list = asList(value, at);
  for (const number of list) {
    if (typeof number !== 'number') throw new WrongField(at, 'must be an array of numbers');
  }
  return list as number[];
}

/** The names of unknown fields; null values have no effect. */
export function unknownFields(body: Record<string, unknown>, known: RegExp): string[] {
  return Object.keys(body).filter((key) => !known.test(key) && body[key] !== null);
}
