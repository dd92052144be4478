import type { StreamWriter } from '../codec.js';
import { bedrockToolIds, conformingId } from '../conversation/tool-ids.js';
import { dashedNames, targetToolName } from '../conversation/tool-names.js';
import type { ConversationError, OpenBlock, Part, Seal } from '../conversation.js';
import { converseFinishWord, writeConverseUsage } from './answer.js';
import { exceptionName } from './error.js';
import { writeFrame } from './event-stream.js';

/** Blocks come one at a time; the number of one is its index. */
export class ConverseStreamWriter implements StreamWriter {
  #index = -1;
  /** The text around a delta of the open block; null while no delta can be written. */
  #before: string | null = null;
  #after = '';
  #custom: string | null = null;

  push(part: Part): Buffer | null {
    switch (part.type) {
      case 'delta':
        return this.#delta(part.text);
      case 'start':
        return writeFrame('event', 'messageStart', '{"role":"assistant"}');
      case 'open':
        return this.#open(part.content);
      case 'seal':
        return this.#seal(part.seal);
      case 'close':
        return this.#close();
      case 'finish': {
        const stop = JSON.stringify({ stopReason: converseFinishWord(part.finish) });
        const usage = writeConverseUsage(part.usage);
        const metadata = JSON.stringify({ usage, metrics: { latencyMs: 0 } });
        return Buffer.concat([
          writeFrame('event', 'messageStop', stop),
          writeFrame('event', 'metadata', metadata),
        ]);
      }
      case 'error':
        return writeException(part.error);
      case 'ping':
        return null;
    }
  }

  #open(content: OpenBlock): Buffer | null {
    this.#custom = null;
    this.#before = null;
    const index = this.#index + 1;
    const ending = `},"contentBlockIndex":${index}}`;
    switch (content.type) {
      case 'text':
      case 'refusal':
        this.#setDelta('{"delta":{"text":', ending);
        return null;
      case 'reasoning':
        this.#setDelta('{"delta":{"reasoningContent":{"text":', `}${ending}`);
        return null;
      case 'tool_call': {
        if (content.custom) this.#custom = '';
        this.#setDelta('{"delta":{"toolUse":{"input":', `}${ending}`);
        const toolUse = {
          toolUseId: conformingId(content.id, bedrockToolIds),
          name: targetToolName(content, dashedNames),
        };
        const start = { start: { toolUse }, contentBlockIndex: index };
        return writeFrame('event', 'contentBlockStart', JSON.stringify(start));
      }
      case 'unknown':
        return null;
    }
  }

  #setDelta(before: string, after: string): void {
    this.#index++;
    this.#before = before;
    this.#after = after;
  }

  #delta(text: string): Buffer | null {
    if (this.#custom !== null) {
      this.#custom += text;
      return null;
    }
    if (this.#before === null) return null;
    const payload = this.#before + JSON.stringify(text) + this.#after;
    return writeFrame('event', 'contentBlockDelta', payload);
  }

  #seal({ slot, data }: Seal): Buffer | null {
    if (this.#before === null) return null;
    const reasoningContent = { [slot === 'redacted' ? 'redactedContent' : 'signature']: data };
    const payload = { delta: { reasoningContent }, contentBlockIndex: this.#index };
    return writeFrame('event', 'contentBlockDelta', JSON.stringify(payload));
  }

  #close(): Buffer | null {
    if (this.#before === null) return null;
    const frames: Buffer[] = [];
    if (this.#custom !== null) {
      const whole = JSON.stringify({ input: this.#custom });
      this.#custom = null;
      const last = this.#delta(whole);
      if (last) frames.push(last);
    }
    this.#before = null;
    const stop = `{"contentBlockIndex":${this.#index}}`;
    frames.push(writeFrame('event', 'contentBlockStop', stop));
    return Buffer.concat(frames);
  }
}

/** Names of exceptions are in camelCase within streams. */
function writeException({ kind, message }: ConversationError): Buffer {
  const name = exceptionName(kind);
  const type = name.charAt(0).toLowerCase() + name.slice(1);
  return writeFrame('exception', type, JSON.stringify({ message }));
}
