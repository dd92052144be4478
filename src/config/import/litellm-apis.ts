import type { ProviderType } from '../configuration.js';

/** An API that LiteLLM knows by the prefix of its models. */
export interface KnownApi {
  type: ProviderType;
  /** Null where a deployment must give `api_base`. */
  apiBase: string | null;
  /** The variable that LiteLLM takes the key from by default; null where none is needed. */
  keyVariable: string | null;
}

/** By prefix, such as `groq` of `groq/llama-3.3-70b`. */
export const knownApis: ReadonlyMap<string, KnownApi> = new Map([
  ['openai', api('https://api.openai.com/v1', 'OPENAI_API_KEY')],
  ['text-completion-openai', api('https://api.openai.com/v1', 'OPENAI_API_KEY')],
  ['deepseek', api('https://api.deepseek.com/v1', 'DEEPSEEK_API_KEY')],
  ['fireworks_ai', api('https://api.fireworks.ai/inference/v1', 'FIREWORKS_API_KEY')],
  ['groq', api('https://api.groq.com/openai/v1', 'GROQ_API_KEY')],
  ['mistral', api('https://api.mistral.ai/v1', 'MISTRAL_API_KEY')],
  ['openrouter', api('https://openrouter.ai/api/v1', 'OPENROUTER_API_KEY')],
  ['together_ai', api('https://api.together.xyz/v1', 'TOGETHERAI_API_KEY')],
  ['xai', api('https://api.x.ai/v1', 'XAI_API_KEY')],
  ['anthropic', api('https://api.anthropic.com/v1', 'ANTHROPIC_API_KEY', 'anthropic')],
  ['gemini', api('https://generativelanguage.googleapis.com/v1beta', 'GEMINI_API_KEY', 'gemini')],
  ['azure', api(null, 'AZURE_API_KEY', 'azure')],
  ['cohere', api('https://api.cohere.com', 'COHERE_API_KEY', 'cohere')],
  ['cohere_chat', api('https://api.cohere.com', 'COHERE_API_KEY', 'cohere')],
  ['hosted_vllm', api(null, 'HOSTED_VLLM_API_KEY')],
  ['litellm_proxy', api(null, 'LITELLM_PROXY_API_KEY')],
  ['ollama', api('http://127.0.0.1:11434/v1', null)],
  ['ollama_chat', api('http://127.0.0.1:11434/v1', null)],
]);

/** APIs with a type of their own here, whose credentials such a file does not hold. */
export const typesToAdd: ReadonlyMap<string, ProviderType> = new Map([
  ['bedrock', 'bedrock'],
  ['bedrock_converse', 'bedrock'],
  ['vertex_ai', 'vertex'],
]);

/** Adds the `/v1` that LiteLLM adds itself, and without which Ollama speaks its own API. */
export function withVersion(prefix: string, apiBase: string): string {
  const base = apiBase.replace(/\/+$/, '').replace(/\/v1\/messages$/, '/v1');
  return /^(?:ollama|anthropic)/.test(prefix) && !base.endsWith('/v1') ? `${base}/v1` : base;
}

function api(
  apiBase: string | null,
  keyVariable: string | null,
  type: ProviderType = 'openai',
): KnownApi {
  return { type, apiBase, keyVariable };
}
