import type { TestContext } from 'node:test';
import OpenAI from 'openai';
import {
  type MockOptions,
  type MockProvider,
  startMockProvider,
} from '../../src/mock-provider/server.js';

/** Starts a mock provider without delays for one test, with the official SDK as its client. */
export async function mockForTest(
  test: TestContext,
  options: MockOptions = {},
): Promise<{ mock: MockProvider; client: OpenAI }> {
  const mock = await startMockProvider({ chunkIntervalMs: 0, ...options });
  test.after(() => mock.close());
  const client = new OpenAI({ baseURL: mock.url, apiKey: 'sk-any-secret-key', maxRetries: 0 });
  return { mock, client };
}

/** One message of a user. */
export function say(content: string): OpenAI.ChatCompletionMessageParam[] {
  return [{ role: 'user', content }];
}
