import {
  type Block,
  type ConversationRequest,
  emptyRequest,
  type FunctionTool,
  type Message,
  textBlock,
} from '../../../src/dialects/conversation.js';

/**
 * A feature that a client may request, and the part of the provider's request that shows it
 * arrived.
 */
export interface Feature {
  name: string;
  request: ConversationRequest;
  seen(request: ConversationRequest): unknown;
}

function message(role: Message['role'], ...content: Block[]): Message {
  return { role, content, at: '' };
}

const hi = message('user', textBlock('hi'));

function asking(change: Partial<ConversationRequest>): ConversationRequest {
  return { ...emptyRequest('m', false), maxTokens: 60_000, messages: [hi], ...change };
}

const media = { type: 'media', name: null, detail: null, cache: null } as const;
const image: Block = {
  ...media,
  kind: 'image',
  source: { type: 'base64', data: 'AAAA' },
  mediaType: 'image/png',
};
const pdf: Block = {
  ...media,
  kind: 'document',
  source: { type: 'base64', data: 'JVBE' },
  mediaType: 'application/pdf',
  name: 'report',
};
const audio: Block = {
  ...media,
  kind: 'audio',
  source: { type: 'base64', data: 'AAAA' },
  mediaType: 'audio/wav',
};

const schema = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};
const look: FunctionTool = {
  type: 'function',
  name: 'look',
  namespace: null,
  description: 'Looks.',
  schema,
  strict: null,
  cache: null,
};

function call(id: string, input = '{"city":"Rome"}'): Block {
  const common = { type: 'tool_call', name: 'look', namespace: null } as const;
  return { ...common, id, input, custom: false, cache: null };
}

function result(id: string, ...content: Block[]): Block {
  return { type: 'tool_result', id, name: null, content, error: false, cache: null };
}

const called = [
  message('assistant', call('call_aaaa')),
  message('tool', result('call_aaaa', textBlock('warm'))),
];

/** Contents without ids and places, which differ from dialect to dialect. */
function contents(request: ConversationRequest): unknown {
  return request.messages.map(({ role, content }) => [role, content.map(withoutIds)]);
}

function withoutIds(block: Block): unknown {
  if (block.type === 'tool_call') return { ...block, id: '' };
  if (block.type === 'tool_result') return { ...block, id: '', name: null };
  return block;
}

export const features: readonly Feature[] = [
  {
    name: 'text, system prompt',
    request: asking({ messages: [message('system', textBlock('be brief')), hi] }),
    seen: contents,
  },
  {
    name: 'system message in the middle',
    request: asking({ messages: [hi, message('system', textBlock('now brief')), hi] }),
    seen: contents,
  },
  { name: 'image', request: asking({ messages: [message('user', image)] }), seen: contents },
  {
    name: 'PDF',
    request: asking({ messages: [message('user', textBlock('read'), pdf)] }),
    seen: contents,
  },
  { name: 'audio', request: asking({ messages: [message('user', audio)] }), seen: contents },
  {
    name: 'tools and a forced choice',
    request: asking({ tools: [look], toolChoice: { type: 'tool', name: 'look' } }),
    // Gemini adds no properties by itself.
    seen: ({ tools, toolChoice }) => [
      tools.map((tool) => (tool.type === 'function' ? [tool.name, tool.schema?.properties] : tool)),
      toolChoice,
    ],
  },
  {
    name: 'no tool wanted',
    request: asking({ tools: [look], toolChoice: { type: 'none' } }),
    // A dialect without such a choice is sent no tools.
    seen: ({ tools, toolChoice }) => tools.length === 0 || toolChoice?.type === 'none',
  },
  {
    name: 'one tool at a time',
    request: asking({ tools: [look], toolChoice: { type: 'auto' }, parallelTools: false }),
    seen: (r) => r.parallelTools,
  },
  {
    name: 'tool results',
    request: asking({ tools: [look], messages: [hi, ...called] }),
    seen: contents,
  },
  {
    name: 'parallel tool calls',
    request: asking({
      tools: [look],
      messages: [
        hi,
        message('assistant', call('call_aaaa'), call('call_bbbb', '{}')),
        message(
          'tool',
          result('call_aaaa', textBlock('warm')),
          result('call_bbbb', textBlock('cold')),
        ),
      ],
    }),
    seen: contents,
  },
  {
    name: 'image in a tool result',
    request: asking({
      tools: [look],
      messages: [
        hi,
        message('assistant', call('call_aaaa')),
        message('tool', result('call_aaaa', image)),
      ],
    }),
    seen: contents,
  },
  {
    name: 'failed tool result',
    request: asking({
      tools: [look],
      messages: [
        hi,
        message('assistant', call('call_aaaa')),
        message('tool', {
          ...(result('call_aaaa', textBlock('no')) as Block & { type: 'tool_result' }),
          error: true,
        }),
      ],
    }),
    seen: contents,
  },
  {
    name: 'tool that takes plain text',
    request: asking({
      tools: [{ type: 'custom', name: 'patch', namespace: null, description: null, grammar: null }],
    }),
    seen: ({ tools }) => tools.map(({ type }) => type),
  },
  {
    name: 'structured output',
    request: asking({
      format: { type: 'schema', name: 'place', description: null, schema, strict: null },
    }),
    seen: ({ format }) => format?.type === 'schema' && format.schema.properties,
  },
  {
    name: 'JSON without a schema',
    request: asking({ format: { type: 'json' } }),
    // A forced tool carries the answer where there is no such format.
    seen: ({ format, toolChoice }) => format?.type === 'json' || toolChoice?.type === 'tool',
  },
  {
    name: 'effort',
    request: asking({ reasoning: { effort: 'high', budget: null, visible: null } }),
    seen: (r) => r.reasoning?.effort,
  },
  {
    name: 'budget of thinking',
    request: asking({ reasoning: { effort: null, budget: 8192, visible: null } }),
    seen: (r) => r.reasoning && (r.reasoning.budget === 8192 || r.reasoning.effort === 'medium'),
  },
  { name: 'max_tokens', request: asking({}), seen: (r) => r.maxTokens },
  {
    name: 'temperature, top_p',
    request: asking({ temperature: 0.5, topP: 0.5 }),
    seen: (r) => [r.temperature, r.topP],
  },
  {
    name: 'temperature above 1',
    request: asking({ temperature: 1.5 }),
    seen: (r) => r.temperature,
  },
  { name: 'top_k', request: asking({ topK: 5 }), seen: (r) => r.topK },
  { name: 'stop sequences', request: asking({ stop: ['END'] }), seen: (r) => r.stop },
  {
    name: 'seed, penalties',
    request: asking({ seed: 1, presencePenalty: 1 }),
    seen: (r) => [r.seed, r.presencePenalty],
  },
  { name: 'logprobs', request: asking({ logprobs: 0 }), seen: (r) => r.logprobs },
  { name: 'several answers', request: asking({ choices: 2 }), seen: (r) => r.choices },
  {
    name: 'cache marks',
    request: asking({ messages: [message('system', textBlock('long', '1h')), hi] }),
    seen: contents,
  },
  { name: 'user', request: asking({ user: 'u' }), seen: (r) => r.user },
];
