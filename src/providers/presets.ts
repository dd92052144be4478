import { newProvider, type OpenaiOperation, type ProviderParams } from '../config/configuration.js';
import { defaultBaseOf } from './index.js';

/** Base URLs of well-known servers with OpenAI's API. Their provider type is `openai`. */
export const presets: Readonly<Record<string, string>> = {
  mistral: 'https://api.mistral.ai/v1',
  groq: 'https://api.groq.com/openai/v1',
  deepseek: 'https://api.deepseek.com/v1',
  xai: 'https://api.x.ai/v1',
  openrouter: 'https://openrouter.ai/api/v1',
  together: 'https://api.together.xyz/v1',
  fireworks: 'https://api.fireworks.ai/inference/v1',
  perplexity: 'https://api.perplexity.ai',
  cerebras: 'https://api.cerebras.ai/v1',
  moonshot: 'https://api.moonshot.ai/v1',
  ollama: 'http://127.0.0.1:11434/v1',
  vllm: 'http://127.0.0.1:8000/v1',
  lmstudio: 'http://127.0.0.1:1234/v1',
};

/** The APIs of OpenAI that they have; requests for `responses` are translated where it is missing. */
export const presetOperations: Readonly<Record<keyof typeof presets, readonly OpenaiOperation[]>> =
  {
    mistral: ['chat', 'embeddings', 'moderations', 'transcriptions'],
    groq: ['chat', 'responses', 'speech', 'transcriptions'],
    deepseek: ['chat'],
    xai: ['chat', 'completions', 'images', 'responses'],
    openrouter: ['chat', 'completions', 'embeddings', 'responses'],
    together: ['chat', 'completions', 'embeddings', 'images', 'rerank', 'speech', 'transcriptions'],
    fireworks: ['chat', 'completions', 'embeddings', 'rerank', 'responses'],
    perplexity: ['chat'],
    cerebras: ['chat', 'completions'],
    moonshot: ['chat'],
    ollama: ['chat', 'completions', 'embeddings'],
    vllm: ['chat', 'completions', 'embeddings', 'rerank', 'responses', 'transcriptions'],
    lmstudio: ['chat', 'completions', 'embeddings', 'responses'],
  };

interface NewProvider {
  provider_type?: string;
  api_base?: string;
  provider_params?: ProviderParams;
}

/**
 * The fields of a new provider; the type may be the name of a preset. Without an address, the
 * type's default is used.
 */
export function withDefaults<T extends NewProvider>(fields: T): T {
  const { provider_type: type = newProvider.provider_type, provider_params = {} } = fields;
  if (Object.hasOwn(presets, type)) {
    const operations = [...(presetOperations[type] ?? [])];
    const params = { operations, ...provider_params };
    return {
      api_base: presets[type],
      ...fields,
      provider_type: 'openai',
      provider_params: params,
    };
  }
  const api_base = fields.api_base ?? defaultBaseOf(type, provider_params);
  return api_base === null ? fields : { ...fields, api_base };
}
