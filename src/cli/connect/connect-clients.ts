/** The gateway as a client sees it. */
export interface Connection {
  /** Without a path, such as `http://127.0.0.1:18000`. */
  url: string;
  key: string;
  model: string;
}

/** A client, and its settings for a gateway. */
interface Client {
  /** File or place for the settings. */
  place: string;
  /** A model of the client's own maker. */
  model: string;
  settings(connection: Connection): string;
}

const shell = 'in the shell';
const openaiModel = 'gpt-4o';

export const clients = {
  'claude-code': {
    place: shell,
    model: 'claude-sonnet-4-5',
    settings: ({ url, key, model }) =>
      exports({ ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: key, ANTHROPIC_MODEL: model }),
  },
  codex: {
    place: '~/.codex/config.toml, and the key in the shell',
    model: openaiModel,
    settings: ({ url, key, model }) => `model = ${text(model)}
model_provider = "llmproxy"

[model_providers.llmproxy]
name = "llmproxy"
base_url = ${text(`${url}/v1`)}
env_key = "LLMPROXY_API_KEY"
wire_api = "responses"

# ${exports({ LLMPROXY_API_KEY: key })}`,
  },
  'gemini-cli': {
    place: shell,
    model: 'gemini-2.5-pro',
    settings: ({ url, key, model }) =>
      exports({ GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: key, GEMINI_MODEL: model }),
  },
  opencode: {
    place: 'opencode.json',
    model: openaiModel,
    settings: ({ url, key, model }) => {
      const options = { baseURL: `${url}/v1`, apiKey: key };
      const npm = '@ai-sdk/openai-compatible';
      const llmproxy = { npm, name: 'llmproxy', options, models: { [model]: {} } };
      return JSON.stringify({ provider: { llmproxy }, model: `llmproxy/${model}` }, null, 2);
    },
  },
  openai: {
    place: shell,
    model: openaiModel,
    settings: ({ url, key }) => exports({ OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: key }),
  },
  anthropic: {
    place: shell,
    model: 'claude-sonnet-4-5',
    settings: ({ url, key }) => exports({ ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: key }),
  },
  langchain: {
    place: 'in Python',
    model: openaiModel,
    settings: ({ url, key, model }) => `from langchain_openai import ChatOpenAI

llm = ChatOpenAI(
    model=${text(model)},
    base_url=${text(`${url}/v1`)},
    api_key=${text(key)},
)`,
  },
  'ai-sdk': {
    place: 'in JavaScript',
    model: openaiModel,
    settings: ({ url, key, model }) => `import { createOpenAI } from '@ai-sdk/openai';

const llmproxy = createOpenAI({
  baseURL: ${text(`${url}/v1`)},
  apiKey: ${text(key)},
});
const model = llmproxy(${text(model)});`,
  },
  curl: {
    place: shell,
    model: openaiModel,
    settings: ({ url, key, model }) => {
      const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello!' }] });
      return [
        `curl ${quoted(`${url}/v1/chat/completions`)} \\`,
        `  -H ${quoted(`Authorization: Bearer ${key}`)} \\`,
        `  -H 'Content-Type: application/json' \\`,
        `  -d ${quoted(body)}`,
      ].join('\n');
    },
  },
} as const satisfies Record<string, Client>;

export type ClientName = keyof typeof clients;

function exports(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${quoted(value)}`)
    .join('\n');
}

/** Quotes a value as one word for a POSIX shell. */
function quoted(value: string): string {
  return /^[\w.:/@-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}

/** A string literal that TOML, Python and JavaScript all read. */
function text(value: string): string {
  return JSON.stringify(value);
}
