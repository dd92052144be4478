import type { JsonText } from '../body/json-texts.js';
import { isObject } from '../conversation/read.js';
import type { DialectName } from '../dialect.js';

/** A text that a stream brings in pieces. */
export interface Channel {
  /** Identifies it among the texts of the stream. */
  key: string;
  /** Identifies a sequence of texts: each is complete when the next begins. */
  sequence: string;
}

const chatDelta =
  /^choices\[(\d+)\]\.delta\.(?:(content|refusal|reasoning_content|reasoning|reasoning_details|audio\.transcript|function_call\.arguments)|tool_calls\[(\d+)\]\.(?:function\.arguments|custom\.input))(?:\[\d+\]\.(?:text|summary|thinking\[\d+\]\.text))?$/;
const completionDelta = /^choices\[(\d+)\]\.text$/;
const messageDelta = /^delta\.(text|thinking|partial_json)$/;
const partDelta = /^candidates\[(\d+)\]\.content\.parts\[(\d+)\]\.text$/;

/**
 * The text that a piece in an event belongs to; null: it is whole in this event.
 * @param event as parsed.
 */
export function channelOf(dialect: DialectName, event: unknown, { at }: JsonText): Channel | null {
  switch (dialect) {
    case 'openai.chat': {
      const [, place, name = 'tool', tool] = chatDelta.exec(at) ?? [];
      if (place === undefined) return null;
      const choice = member(event, 'choices', place);
      const sequence = String(fieldOf(choice, 'index') ?? place);
      if (tool === undefined) return { key: `${sequence} ${name}`, sequence };
      const call = member(fieldOf(choice, 'delta'), 'tool_calls', tool);
      // Tool calls may overlap.
      const key = `${sequence} tool ${fieldOf(call, 'index') ?? tool}`;
      return { key, sequence: key };
    }
    case 'openai.completions': {
      const [, place] = completionDelta.exec(at) ?? [];
      if (place === undefined) return null;
      const key = String(fieldOf(member(event, 'choices', place), 'index') ?? place);
      return { key, sequence: key };
    }
    case 'openai.responses':
    case 'openai.stored':
    case 'openai.transcriptions': {
      if (at !== 'delta') return null;
      const names = ['type', 'item_id', 'output_index', 'content_index', 'summary_index'];
      const key = names.map((name) => fieldOf(event, name) ?? '').join(' ');
      return { key, sequence: String(fieldOf(event, 'output_index') ?? '') };
    }
    case 'anthropic.messages':
      if (!messageDelta.test(at)) return null;
      return { key: `${at} ${fieldOf(event, 'index') ?? ''}`, sequence: '' };
    case 'gemini.generate': {
      const [, place, part = ''] = partDelta.exec(at) ?? [];
      if (place === undefined) return null;
      const candidate = member(event, 'candidates', place);
      const sequence = String(fieldOf(candidate, 'index') ?? place);
      const isThought = fieldOf(member(fieldOf(candidate, 'content'), 'parts', part), 'thought');
      return { key: `${sequence} ${isThought === true ? 'thought' : 'text'}`, sequence };
    }
    default:
      return null;
  }
}

/**
 * The choice that an event is about, where events of different choices may change places; null: the
 * event keeps its place among all. Only OpenAI's chunks, which have `choices`, do not count what was
 * sent before them.
 */
export function laneOf(event: unknown): string | null {
  const choices = fieldOf(event, 'choices');
  if (!Array.isArray(choices) || choices.length !== 1 || fieldOf(event, 'usage')) return null;
  return String(fieldOf(choices[0], 'index') ?? 0);
}

const ending =
  /^(?:content_block_stop|message_delta|message_stop|response\..*(?:done|completed|failed|incomplete))$/;

/**
 * True for an event that completes all texts before it. Streams without such events end soon after
 * their texts.
 */
export function endsTexts(event: unknown): boolean {
  const type = fieldOf(event, 'type');
  return typeof type === 'string' && ending.test(type);
}

function fieldOf(object: unknown, name: string): unknown {
  return isObject(object) ? object[name] : undefined;
}

function member(object: unknown, list: string, place: string): unknown {
  const all = fieldOf(object, list);
  return Array.isArray(all) ? all[Number(place)] : undefined;
}
