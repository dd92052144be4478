import type { OpenaiOperation, Provider } from '../config/configuration.js';
import type { DialectName } from '../dialects/dialect.js';
import type { ProviderKind } from './kind.js';

/** OpenAI, and every server that is compatible with it. */
export const openai: ProviderKind = {
  defaultBase: () => 'https://api.openai.com/v1',
  path(provider, base, { dialect, path }, model) {
    if (!speaks(provider, dialect.name)) return null;
    // A socket has no body that could name the model.
    const query = dialect.name === 'openai.realtime' ? `?${new URLSearchParams({ model })}` : '';
    return base + path + query;
  },
  listPath: (_provider, base) => `${base}/models`,
  headers: ({ api_key }) => ['authorization', `Bearer ${api_key}`],
  defaults: [],
  quirks: ({ api_base, provider_params }) => ({
    shortToolIds: isAt(api_base, 'mistral.ai'),
    oldMaxTokens: !isAt(api_base, 'openai.com'),
    noStreamOptions: provider_params.stream_usage === false,
  }),
};

/** Operations that every provider with another one has too. */
const parts: Readonly<Record<string, OpenaiOperation>> = {
  compact: 'responses',
  input_tokens: 'responses',
  stored: 'responses',
  client_secrets: 'realtime',
};

/** Most compatible servers lack responses, which are then translated to chat. */
function speaks({ api_base, provider_params }: Provider, dialect: DialectName): boolean {
  const [maker, name = ''] = dialect.split('.');
  const operation = Object.hasOwn(parts, name) ? parts[name] : name;
  const reranks = isAt(api_base, 'cohere.com') ? 'cohere.rerank' : 'jina.rerank';
  if (maker !== 'openai' && dialect !== reranks) return false;
  const { operations } = provider_params;
  if (operations) return operations.includes(operation as OpenaiOperation);
  return operation !== 'responses' || isAt(api_base, 'openai.com');
}

function isAt(url: string, domain: string): boolean {
  return `.${new URL(url).hostname}`.endsWith(`.${domain}`);
}
