import { converse } from '../../src/dialects/bedrock/dialects.js';
import { EventStreamSplitter, FramesAsEvents } from '../../src/dialects/bedrock/event-stream.js';
import type { Codec } from '../../src/dialects/codec.js';
import { Fold, unfold } from '../../src/dialects/conversation/fold.js';
import type { ConversationAnswer, Part } from '../../src/dialects/conversation.js';
import { SseSplitter } from '../../src/dialects/sse.js';
import { OneAtATime } from '../../src/dialects/stream/one-at-a-time.js';

/** An answer as the bytes of a stream. */
export function writeStream(codec: Codec, answer: ConversationAnswer): Buffer {
  const writer = codec.streamWriter(answer.model ?? '', true);
  const pieces: Buffer[] = [];
  const ordered = new OneAtATime((part) => {
    const piece = writer.push(part);
    if (typeof piece === 'string') pieces.push(Buffer.from(piece));
    else if (piece) pieces.push(piece);
  });
  for (const part of unfold(answer)) ordered.push(part);
  return Buffer.concat(pieces);
}

/** A provider's stream as an attempt delivers it, with frames converted to events. */
export function asEvents(codec: Codec, stream: Buffer): Buffer {
  if (codec.dialect !== 'bedrock.converse') return stream;
  return new FramesAsEvents((event) => converse.unwrap?.(event) ?? event).push(stream);
}

/** The answer that a stream is; null where it ended too early. @param cuts any numbers */
export function readStream(
  codec: Codec,
  bytes: Buffer,
  cuts: readonly number[],
): ConversationAnswer | null {
  const places = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  const fold = new Fold();
  const reader = codec.streamReader();
  const splitter =
    codec.dialect === 'bedrock.converse' ? new EventStreamSplitter() : new SseSplitter();
  const out = (part: Part) => fold.push(part);
  let from = 0;
  for (const to of [...places, bytes.length]) {
    splitter.push(bytes.subarray(from, to), (event) => reader.push(event, out));
    from = to;
  }
  splitter.end((event) => reader.push(event, out));
  reader.end(out);
  return fold.answer;
}
