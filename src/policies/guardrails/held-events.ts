import { type JsonText, textsIn } from '../../dialects/body/json-texts.js';
import type { DialectName } from '../../dialects/dialect.js';
import { type Edit, edited } from '../../dialects/head.js';
import { EventCutter, endOfEvent, readEvents, writeEvent } from '../../dialects/sse.js';
import { channelOf, endsTexts, laneOf } from '../../dialects/stream/stream-texts.js';
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
  /** See `laneOf`. */
  lane: string | null;
  /** Its place in the stream. */
  place: number;
}

interface OpenText {
  held: HeldText;
  sequence: string;
  length: number;
}

const noBytes = Buffer.alloc(0);
/** Larger than any legitimate event. */
const maxPendingBytes = 33_554_432;

/**
 * Holds the events of a stream until their texts are decided; releases them in order. Events of one
 * choice do not wait for those of another one.
 */
export class HeldEvents {
  readonly #dialect: DialectName;
  readonly #open: (at: string, isJson: boolean) => HeldText;
  readonly #cutter = new EventCutter();
  /** Events of choices, that nothing before them keeps back but their own choice. */
  readonly #lanes = new Map<string, HeldEvent[]>();
  /** The events from the first one on that waits for all before it. */
  readonly #rest: HeldEvent[] = [];
  #places = 0;
  /** Decided events before the first text, which wait for it; null once anything is released. */
  #beginning: HeldEvent[] | null = [];
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

  /**
   * Releases the events whose texts are decided. None is released before the first text, if that
   * waits: it may be refused while the client has nothing of the answer.
   */
  release(): Buffer {
    const released = this.#beginning ?? [];
    do {
      for (const [lane, events] of this.#lanes) {
        while (isDecided(events[0])) released.push(events.shift() as HeldEvent);
        if (events.length === 0) this.#lanes.delete(lane);
      }
    } while (this.#lanes.size === 0 && this.#proceed(released));
    if (this.#beginning) {
      const waits = this.#lanes.size > 0 || this.#rest.length > 0;
      if (waits && !released.some(hasText)) return noBytes;
      if (released.length > 0) this.#beginning = null;
    }
    if (released.length === 1) return written(released[0] as HeldEvent);
    return Buffer.concat(released.sort((a, b) => a.place - b.place).map(written));
  }

  /**
   * No choice waits: releases what waited for all choices, and puts the events of choices behind it
   * into their lanes. False: there are none.
   */
  #proceed(released: HeldEvent[]): boolean {
    const rest = this.#rest;
    while (isDecided(rest[0])) released.push(rest.shift() as HeldEvent);
    const lined = rest.findIndex(({ lane }) => lane === null);
    for (const event of rest.splice(0, lined < 0 ? rest.length : lined)) this.#line(event);
    return this.#lanes.size > 0;
  }

  #line(event: HeldEvent): void {
    const { lane } = event;
    if (lane === null) {
      this.#rest.push(event);
      return;
    }
    const events = this.#lanes.get(lane);
    if (events) events.push(event);
    else this.#lanes.set(lane, [event]);
  }

  #hold(event: Omit<HeldEvent, 'place'>): void {
    const held = { ...event, place: this.#places++ };
    if (this.#rest.length > 0) this.#rest.push(held);
    else this.#line(held);
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
      this.#hold({ bytes, name: '', jsonAt: 0, json: bytes, pieces: [], lane: null });
      return;
    }
    const json = Buffer.from(event.data);
    if (endsTexts(value)) this.#endTexts(() => true);
    const pieces = textsIn(json).map((text) => this.#piece(value, text));
    const lane = laneOf(value);
    this.#hold({ bytes, name: event.event, jsonAt: bytes.indexOf(json), json, pieces, lane });
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

function hasText({ pieces }: HeldEvent): boolean {
  return pieces.length > 0;
}

function isDecided(event: HeldEvent | undefined): boolean {
  return event?.pieces.every(({ held, to }) => to <= held.decided) ?? false;
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
