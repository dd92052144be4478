import type { JsonText } from '../../dialects/body/json-texts.js';

/** A part of a text and its replacement. */
export interface Replacement {
  start: number;
  end: number;
  text: string;
}

/** The text of an answer or request, with its place. */
export type PlacedText = Pick<JsonText, 'at' | 'text' | 'kind'>;

/**
 * Inspects texts.
 * @throws GatewayError to refuse.
 */
export interface Inspector {
  /** Inspects whole texts; returns the replacements in each. */
  whole(texts: readonly PlacedText[]): Replacement[][];
  /** A text that arrives in pieces. */
  open(isJson: boolean): InspectorRun;
}

export interface InspectorRun {
  /** Places before this are decided, replacements included. */
  readonly decided: number;
  /** Replacements that begin before `decided`, each returned once, in order. */
  push(piece: string, isEnd: boolean): Replacement[];
}
