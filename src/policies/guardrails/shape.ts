import type { Guardrail } from '../../config/rows/guardrail.js';
import {
  compileModelPattern,
  type ModelPattern,
  matchesPattern,
} from '../../config/rows/model-pattern.js';
import { codecOf } from '../../dialects/codecs.js';
import { mediaTypeOf } from '../../dialects/conversation/media-types.js';
import type { Block, ConversationRequest } from '../../dialects/conversation.js';
import type { Dialect } from '../../dialects/dialect.js';
import type { ModelRequest } from '../../dialects/head.js';
import { readConversation } from '../../dialects/translate/translator.js';
import type { PlacedText } from './inspector.js';

/** A violation of a guardrail's rules: its name for rows, and the reason. */
export interface Shortcoming {
  name: string;
  reason: string;
}

/** Checks the form of requests: their size, their tools, the types of their files. */
export class Shape {
  readonly #config: Guardrail['config'];
  readonly #allowedTools: readonly ModelPattern[] | null;
  readonly #deniedTools: readonly ModelPattern[];
  readonly #fileTypes: readonly ModelPattern[] | null;

  constructor(config: Guardrail['config']) {
    const { allowed_tools, denied_tools = [], allowed_file_types } = config;
    this.#config = config;
    this.#allowedTools = allowed_tools ? compiled(allowed_tools) : null;
    this.#deniedTools = compiled(denied_tools);
    this.#fileTypes = allowed_file_types ? compiled(allowed_file_types) : null;
  }

  /**
   * @param texts of the whole request.
   * @returns null where all is allowed.
   * @throws GatewayError `invalid_request` where the request cannot be read.
   */
  shortcoming(
    dialect: Dialect,
    request: ModelRequest,
    texts: readonly PlacedText[],
  ): Shortcoming | null {
    const { max_prompt_chars: most = null } = this.#config;
    if (most !== null) {
      const chars = texts.reduce((sum, { text }) => sum + text.length, 0);
      if (chars > most) return tooMany('prompt', 'characters', chars, most);
    }
    const codec = codecOf(dialect.name);
    // Only conversations have messages, tools or files.
    return codec && this.#inConversation(readConversation(codec, request.body, request));
  }

  #inConversation({ messages, tools }: ConversationRequest): Shortcoming | null {
    const { max_messages = null, max_tools = null } = this.#config;
    if (max_messages !== null && messages.length > max_messages) {
      return tooMany('messages', 'messages', messages.length, max_messages);
    }
    if (max_tools !== null && tools.length > max_tools) {
      return tooMany('tools', 'tools', tools.length, max_tools);
    }
    const isAllowed = (name: string) =>
      !matchesAny(this.#deniedTools, name) &&
      (this.#allowedTools === null || matchesAny(this.#allowedTools, name));
    if (!tools.every(({ name }) => isAllowed(name))) {
      return { name: 'tool', reason: 'it offers a tool that is not allowed.' };
    }
    const types = this.#fileTypes && messages.flatMap(({ content }) => fileTypes(content));
    const wrong = types?.find((type) => !matchesAny(this.#fileTypes ?? [], type));
    if (wrong === undefined) return null;
    return {
      name: 'file_type',
      reason: `it has a file of the type ${wrong}, which is not allowed.`,
    };
  }
}

function tooMany(name: string, what: string, count: number, most: number): Shortcoming {
  return { name, reason: `it has ${count} ${what}, of at most ${most}.` };
}

/** @param texts names, or wildcards in which * is any text. */
function compiled(texts: readonly string[]): ModelPattern[] {
  // Validated before.
  return texts.map((text) => compileModelPattern(text) as ModelPattern);
}

function matchesAny(patterns: readonly ModelPattern[], text: string): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, text));
}

function fileTypes(content: readonly Block[]): string[] {
  return content.flatMap((block) => {
    if (block.type === 'tool_result') return fileTypes(block.content);
    return block.type === 'media' ? [mediaTypeOf(block).toLowerCase()] : [];
  });
}
