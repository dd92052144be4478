import fc from 'fast-check';
import type { RequestTarget } from '../../src/dialects/codec.js';
import { noQuirks } from '../../src/dialects/codec.js';
import {
  type Block,
  type ConversationAnswer,
  type ConversationDialect,
  type ConversationRequest,
  emptyRequest,
  type FinishReason,
  type Message,
  type Reasoning,
  type Seal,
  type Tool,
  type ToolChoice,
} from '../../src/dialects/conversation.js';
import { noClasses } from '../../src/dialects/usage.js';

/** The abilities of a dialect, beyond those common to all. */
export interface Subset {
  dialect: ConversationDialect;
  systemAnywhere: boolean;
  /** Thinking, text and calls in any order. */
  anyOrder: boolean;
  imageUrls: boolean;
  audio: boolean;
  documents: boolean;
  imagesInResults: boolean;
  customTools: boolean;
  allowedTools: boolean;
  namespaces: boolean;
  errorResults: boolean;
  cacheMarks: boolean;
  topK: boolean;
  stop: boolean;
  sampling: boolean;
  logprobs: boolean;
  strict: boolean;
  user: boolean;
  toolIds: boolean;
  parallelTools: boolean;
  namedSchemas: boolean;
  maxTokens: boolean;
  reasoning: readonly Reasoning[];
  seals: readonly Seal['slot'][];
  finish: readonly [FinishReason, string | null][];
  cacheWrites: boolean;
  hourWrites: boolean;
  reasoningUsage: boolean;
  /** True if answers have an id and a model. */
  identified: boolean;
  noToolChoice: boolean;
}

export const target: RequestTarget = {
  model: 'claude-x',
  maxOutputTokens: null,
  quirks: noQuirks,
};

const words = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' });
const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,12}$/);
const base64 = fc
  .uint8Array({ minLength: 3, maxLength: 9 })
  .map((bytes) =>
    Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 3))).toString('base64'),
  );
const jsonObject = fc
  .dictionary(
    fc.stringMatching(/^[a-z]{1,6}$/),
    fc.oneof(
      words,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(words, { maxLength: 2 }),
    ),
    { maxKeys: 3 },
  )
  .map((value) => JSON.stringify(value));

const schema = fc
  .dictionary(name, fc.constantFrom({ type: 'string' }, { type: 'integer' }, { type: 'boolean' }), {
    minKeys: 1,
    maxKeys: 3,
  })
  .map((properties) => ({ type: 'object', properties, required: Object.keys(properties) }));

function text(subset: Subset): fc.Arbitrary<Block> {
  const cache = subset.cacheMarks ? fc.constantFrom(null, '5m', '1h') : fc.constant(null);
  return fc.record({ type: fc.constant('text'), text: words, cache }) as fc.Arbitrary<Block>;
}

function media(subset: Subset): fc.Arbitrary<Block> {
  const common = { type: 'media', name: null, detail: null, cache: null } as const;
  const kinds: fc.Arbitrary<Block>[] = [
    base64.map((data) => ({
      ...common,
      kind: 'image',
      source: { type: 'base64', data },
      mediaType: 'image/png',
    })),
  ];
  if (subset.imageUrls) {
    const source = { type: 'url', url: 'https://example.com/cat.png' } as const;
    kinds.push(fc.constant({ ...common, kind: 'image', source, mediaType: null }));
  }
  if (subset.audio) {
    const source = { type: 'base64', data: 'AAAA' } as const;
    kinds.push(fc.constant({ ...common, kind: 'audio', source, mediaType: 'audio/wav' }));
  }
  if (subset.documents) {
    const source = { type: 'base64', data: 'JVBE' } as const;
    const mediaType = 'application/pdf';
    kinds.push(fc.constant({ ...common, kind: 'document', source, mediaType, name: 'report' }));
  }
  return fc.oneof(...kinds);
}

function seal(subset: Subset): fc.Arbitrary<Seal | null> {
  const [slot] = subset.seals;
  if (slot === undefined) return fc.constant(null);
  return base64.map((data) => {
    const id = slot === 'encrypted' ? `rs_${data}` : null;
    return { dialect: subset.dialect, provider: null, slot, id, data };
  });
}

function reasoning(subset: Subset): fc.Arbitrary<Block> {
  return fc.record({
    type: fc.constant('reasoning' as const),
    text: words,
    seal: seal(subset).filter((value) => value !== null),
  });
}

interface Call {
  id: string;
}

function toolCalls(_subset: Subset, tools: readonly Tool[]): fc.Arbitrary<Block[]> {
  const named = tools.filter((tool) => tool.type !== 'unknown');
  if (named.length === 0) return fc.constant([]);
  const id = fc.stringMatching(/^call_[a-zA-Z0-9]{8}$/);
  const call = fc
    .tuple(id, fc.constantFrom(...named), jsonObject, words)
    .map(([id, tool, input, plain]): Block => {
      const custom = tool.type === 'custom';
      const { name, namespace } = tool;
      const given = custom ? plain : input;
      return { type: 'tool_call', id, name, namespace, input: given, custom, cache: null };
    });
  return fc.uniqueArray(call, { maxLength: 3, selector: (block) => (block as Call).id });
}

function assistant(subset: Subset, tools: readonly Tool[]): fc.Arbitrary<Block[]> {
  return fc
    .tuple(
      subset.seals.length > 0 ? fc.array(reasoning(subset), { maxLength: 1 }) : fc.constant([]),
      fc.array(text(subset), { minLength: 1, maxLength: 1 }),
      toolCalls(subset, tools),
    )
    .chain(([thoughts, texts, calls]) => {
      const content = [...thoughts, ...texts, ...calls];
      return subset.anyOrder && subset.seals[0] !== 'thought'
        ? fc.shuffledSubarray(content, { minLength: content.length })
        : fc.constant(content);
    });
}

function results(subset: Subset, calls: readonly Block[]): fc.Arbitrary<Block[]> {
  return fc.tuple(
    ...calls.map((call) => {
      const { id } = call as Call;
      const texts = fc.array(
        words.map((value): Block => ({ type: 'text', text: value, cache: null })),
        { maxLength: 1 },
      );
      const images = subset.imagesInResults
        ? fc.array(media({ ...subset, audio: false, documents: false }), { maxLength: 1 })
        : fc.constant<Block[]>([]);
      return fc
        .tuple(texts, images, subset.errorResults ? fc.boolean() : fc.constant(false))
        .map(([before, after, error]): Block => {
          const content = [...before, ...after];
          return { type: 'tool_result', id, name: null, content, error, cache: null };
        });
    }),
  );
}

function exchange(subset: Subset, tools: readonly Tool[]): fc.Arbitrary<Message[]> {
  const user = fc.array(fc.oneof(text(subset), media(subset)), { minLength: 1, maxLength: 3 });
  return fc
    .tuple(
      user,
      assistant(subset, tools),
      subset.systemAnywhere ? fc.boolean() : fc.constant(false),
    )
    .chain(([asked, said, reminded]) => {
      const calls = said.filter(({ type }) => type === 'tool_call');
      return results(subset, calls).map((answers) => {
        const messages: Message[] = [{ role: 'user', content: asked, at: '' }];
        if (reminded) {
          const content: Block[] = [{ type: 'text', text: 'be brief', cache: null }];
          messages.push({ role: 'system', content, at: '' });
        }
        messages.push({ role: 'assistant', content: said, at: '' });
        if (answers.length > 0) messages.push({ role: 'tool', content: answers, at: '' });
        return messages;
      });
    });
}

function tool(subset: Subset): fc.Arbitrary<Tool> {
  const description = fc.option(words);
  const namespace = subset.namespaces ? fc.constantFrom(null, 'group') : fc.constant(null);
  const normal = fc.record({
    type: fc.constant('function' as const),
    name,
    namespace,
    description,
    schema,
    strict: subset.strict ? fc.option(fc.boolean()) : fc.constant(null),
    cache: subset.cacheMarks ? fc.constantFrom(null, '5m' as const) : fc.constant(null),
  });
  if (!subset.customTools) return normal;
  const grammar = fc.constantFrom(null, { syntax: 'lark', definition: 'start: "a"' });
  const custom = fc.record({
    type: fc.constant('custom' as const),
    name,
    namespace: fc.constant(null),
    description,
    grammar,
  });
  return fc.oneof(normal, custom);
}

function isGrouped(tool: Tool): boolean {
  return tool.type === 'function' && tool.namespace !== null;
}

function toolChoice(subset: Subset, tools: readonly Tool[]): fc.Arbitrary<ToolChoice | null> {
  const names = tools.flatMap((one) =>
    one.type === 'unknown' || one.namespace !== null ? [] : [one.name],
  );
  const choices: fc.Arbitrary<ToolChoice | null>[] = [
    fc.constantFrom(
      null,
      { type: 'auto' },
      { type: subset.noToolChoice ? 'none' : 'auto' },
      { type: 'required' },
    ),
  ];
  if (names.length > 0) {
    choices.push(fc.constantFrom(...names).map((one) => ({ type: 'tool', name: one })));
    if (subset.allowedTools)
      choices.push(fc.constant({ type: 'allowed', mode: 'required', names }));
  }
  return tools.length === 0 ? fc.constant(null) : fc.oneof(...choices);
}

const fraction = fc.integer({ min: 0, max: 10 }).map((tenth) => tenth / 10);

/** Requests that a dialect can say whole. */
export function requests(subset: Subset): fc.Arbitrary<ConversationRequest> {
  return (
    fc
      .uniqueArray(tool(subset), { maxLength: 3, selector: (one) => one.name })
      // Tools of one namespace are grouped.
      .map((tools) => tools.sort((a, b) => Number(isGrouped(a)) - Number(isGrouped(b))))
      .chain((tools) =>
        fc.record({
          tools: fc.constant(tools),
          toolChoice: toolChoice(subset, tools),
          system: fc.array(text(subset), { maxLength: 1 }),
          exchanges: fc.array(exchange(subset, tools), { maxLength: 3 }),
          last: fc.array(text(subset), { minLength: 1, maxLength: 1 }),
          maxTokens: subset.maxTokens
            ? fc.integer({ min: 40_000, max: 60_000 })
            : fc.constant(null),
          temperature: fc.option(fraction),
          topP: fc.option(fraction),
          topK: subset.topK ? fc.option(fc.integer({ min: 1, max: 50 })) : fc.constant(null),
          stop: fc.array(words, { maxLength: subset.stop ? 2 : 0 }),
          sampling: subset.sampling ? fc.option(fc.integer({ min: 0, max: 2 })) : fc.constant(null),
          user: subset.user ? fc.option(words) : fc.constant(null),
          parallel:
            subset.parallelTools && tools.length > 0 ? fc.option(fc.boolean()) : fc.constant(null),
          reasoning: fc.constantFrom(null, ...subset.reasoning),
          schema: fc.option(schema),
          stream: fc.boolean(),
        }),
      )
      .map((parts) => {
        const { sampling, system, exchanges, last } = parts;
        const first: Message[] =
          system.length > 0 ? [{ role: 'system', content: system, at: '' }] : [];
        // Anthropic expresses parallel calls within the choice.
        const chosen = parts.toolChoice !== null && parts.toolChoice.type !== 'none';
        // Claude does not think where it must call a tool.
        const mustCall = /^(required|tool|allowed)$/.test(parts.toolChoice?.type ?? '');
        const reasoning = mustCall ? null : parts.reasoning;
        const sampled = reasoning === null;
        const request = emptyRequest('claude-x', parts.stream);
        return {
          ...request,
          messages: [
            ...first,
            ...exchanges.flatMap(ownIds),
            { role: 'user', content: last, at: '' },
          ],
          tools: parts.tools,
          toolChoice: parts.toolChoice,
          parallelTools: chosen ? parts.parallel : null,
          maxTokens: parts.maxTokens,
          temperature: sampled ? parts.temperature : null,
          topP: sampled ? parts.topP : null,
          topK: sampled ? parts.topK : null,
          stop: parts.stop,
          seed: sampling,
          presencePenalty: sampling,
          frequencyPenalty: sampling,
          logprobs: subset.logprobs ? sampling : null,
          reasoning,
          format: parts.schema
            ? {
                type: 'schema',
                name: subset.namedSchemas ? 'thing' : null,
                description: null,
                schema: parts.schema,
                strict: subset.strict ? true : null,
              }
            : null,
          user: parts.user,
        } satisfies ConversationRequest;
      })
      .map(plain)
  );
}

/** Ids of calls are unique in a conversation. */
function ownIds(messages: Message[], exchange: number): Message[] {
  return messages.map((message) => ({
    ...message,
    content: message.content.map((block) =>
      block.type === 'tool_call' || block.type === 'tool_result'
        ? { ...block, id: `${block.id}${exchange}` }
        : block,
    ),
  }));
}

const count = fc.integer({ min: 0, max: 1000 });

/** Answers that a dialect can say whole. */
export function answers(subset: Subset): fc.Arbitrary<ConversationAnswer> {
  const tools: Tool[] = ['look', 'write'].map((one) => ({
    type: 'function',
    name: one,
    namespace: null,
    description: null,
    schema: null,
    strict: null,
    cache: null,
  }));
  const unmarked = { ...subset, cacheMarks: false };
  return fc
    .record({
      id: fc.stringMatching(/^id_[a-z0-9]{8}$/),
      content: assistant(unmarked, tools),
      finish: fc.constantFrom(...subset.finish),
      usage: fc.tuple(count, count, count, count, count, count),
    })
    .map(
      ({
        id,
        content,
        finish: [reason, raw],
        usage: [input, read, write, hour, output, thought],
      }) => ({
        id: subset.identified ? id : null,
        model: subset.identified ? 'model-x' : null,
        content,
        finish: { reason: stopped(reason, raw, content), raw, sequence: null, detail: null },
        usage: {
          ...noClasses,
          input,
          cacheRead: read,
          cacheWrite5m: subset.cacheWrites ? write : 0,
          cacheWrite1h: subset.hourWrites ? hour : 0,
          output,
          reasoning: subset.reasoningUsage ? Math.min(thought, output) : 0,
        },
        error: null,
      }),
    )
    .map(plain) as fc.Arbitrary<ConversationAnswer>;
}

/** Dialects that have one word for the end of an answer, whether it calls tools or not. */
function stopped(reason: FinishReason, raw: string | null, content: Block[]): FinishReason {
  const wordless = raw === 'completed' || raw === 'STOP';
  return wordless && content.some(({ type }) => type === 'tool_call') ? 'tool_calls' : reason;
}

/** The same with prototypes, which generated objects lack. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/**
 * Without differences between dialects: places in the body, usage that only chat requests, names of
 * tools in results, and ids of calls where the subset has none.
 */
export function comparable(request: ConversationRequest, subset: Subset): ConversationRequest {
  const ids = new Map<string, string>();
  const renamed = (id: string) => {
    if (subset.toolIds) return id;
    if (!ids.has(id)) ids.set(id, `call ${ids.size}`);
    return ids.get(id) as string;
  };
  const messages = request.messages.map((message) => ({
    ...message,
    at: '',
    content: message.content.map((block) => {
      if (block.type === 'tool_call') return { ...block, id: renamed(block.id) };
      if (block.type !== 'tool_result') return block;
      return { ...block, id: renamed(block.id), name: null };
    }),
  }));
  const { format } = request;
  const named = format?.type !== 'schema' || subset.namedSchemas;
  return {
    ...request,
    messages,
    format: named ? format : { ...format, name: null },
    streamUsage: true,
  };
}
