import { type JsonText, textsIn } from '../../dialects/body/json-texts.js';
import type { DialectName } from '../../dialects/dialect.js';
import { type Edit, edited } from '../../dialects/head.js';
import { EventCutter, endOfEvent, readEvents, writeEvent } from '../../dialects/sse.js';
import { channelOf, endsTexts } from '../../dialects/stream/stream-texts.js';
import type { Replacement } from './inspector.js';
import { editsOf } from './text-edits.js';

/** A text of a stream that awaits decisions, piece by piece. */
export interface HeldText {
  /** Text before this place may be released. */
  readonly decided: number;
  /** In order, without overlaps. */
  readonly replacements: readonly Replacement[];
  push(piece: string, isEnd: boolean): void;
}

/** A piece of a text in an event. */
interface Piece {
  held: HeldText;
  from: number;
  to: number;
  text: JsonText;
}

interface HeldEvent {
  bytes: Buffer;
  /** Its `event:` field. */
  name: string;
  /** Place of the JSON in the bytes; -1 where several lines have it. */
  jsonAt: number;
  json: Buffer;
  pieces: Piece[];
}

interface OpenText {
  held: HeldText;
  sequence: string;
  length: number;
}

/** Larger than any legitimate event. */
const maxPendingBytes = 33_554_432;

/** Holds the events of a stream until their texts are decided; releases them in order. */
export class HeldEvents {
  readonly #dialect: DialectName;
  readonly #open: (at: string, isJson: boolean) => HeldText;
  readonly #cutter = new EventCutter();
  readonly #events: HeldEvent[] = [];
  readonly #texts = new Map<string, OpenText>();

  /** @param open called for each text of the stream. */
  constructor(dialect: DialectName, open: (at: string, isJson: boolean) => HeldText) {
    this.#dialect = dialect;
    this.#open = open;
  }

  /** @throws RangeError where one event is too long. */
  push(bytes: Buffer): void {
    const whole = this.#cutter.push(bytes);
    if (this.#cutter.pendingBytes > maxPendingBytes) {
      throw new RangeError(`an event is longer than ${maxPendingBytes} bytes`);
    }
    this.#read(whole);
  }

  /** Ends the stream and all its texts. */
  end(): void {
    this.#read(this.#cutter.flush());
    this.#endTexts(() => true);
  }

  /** Releases the events whose texts are decided. */
  release(): Buffer {
    const parts: Buffer[] = [];
    while (this.#events[0]?.pieces.every(({ held, to }) => to <= held.decided)) {
      parts.push(written(this.#events.shift() as HeldEvent));
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  #read(bytes: Buffer): void {
    for (let from = 0; from < bytes.length; ) {
      const end = endOfEvent(bytes, from);
      this.#add(bytes.subarray(from, end));
      from = end;
    }
  }

  #add(bytes: Buffer): void {
    const [event] = readEvents(bytes);
    const value = event && parsed(event.data);
    if (!event || value === undefined) {
      this.#events.push({ bytes, name: '', jsonAt: 0, json: bytes, pieces: [] });
      return;
    }
    const json = Buffer.from(event.data);
    if (endsTexts(value)) this.#endTexts(() => true);
    const pieces = textsIn(json).map((text) => this.#piece(value, text));
    this.#events.push({ bytes, name: event.event, jsonAt: bytes.indexOf(json), json, pieces });
  }

  #piece(event: unknown, text: JsonText): Piece {
    const channel = channelOf(this.#dialect, event, text);
    const isJson = text.kind === 'json' || (channel?.key.includes('arguments') ?? false);
    if (!channel) {
      const held = this.#open(text.at, isJson);
      held.push(text.text, true);
      return { held, from: 0, to: text.text.length, text };
    }
    const { key, sequence } = channel;
    let open = this.#texts.get(key);
    if (!open) {
      this.#endTexts((other) => other.sequence === sequence);
      open = { held: this.#open(text.at, isJson), sequence, length: 0 };
      this.#texts.set(key, open);
    }
    const from = open.length;
    open.length += text.text.length;
    open.held.push(text.text, false);
    return { held: open.held, from, to: open.length, text };
  }

  #endTexts(isOver: (open: OpenText) => boolean): void {
    for (const [key, open] of this.#texts) {
      if (!isOver(open)) continue;
      open.held.push('', true);
      this.#texts.delete(key);
    }
  }
}

function written({ bytes, name, jsonAt, json, pieces }: HeldEvent): Buffer {
  const edits = pieces.flatMap(({ held, from, to, text }): Edit[] => {
    const own = held.replacements.flatMap((each): Replacement[] => {
      if (each.end <= from || each.start >= to) return [];
      return [
        {
          start: Math.max(each.start, from) - from,
          end: Math.min(each.end, to) - from,
          // The event in which it begins contains all of it.
          text: each.start >= from ? each.text : '',
        },
      ];
    });
    return editsOf(json, text, own);
  });
  if (edits.length === 0) return bytes;
  // Data of several lines is written as one.
  if (jsonAt < 0) return writeEvent(edited(json, edits).toString().replaceAll('\n', ' '), name);
  const moved = edits.map((edit) => ({
    ...edit,
    start: edit.start + jsonAt,
    end: edit.end + jsonAt,
  }));
  return edited(bytes, moved);
}

function parsed(data: string): unknown {
  try {
    const value: unknown = JSON.parse(data);
    return value instanceof Object ? value : undefined;
  } catch {
    return undefined;
  }
}
