import type { TestContext } from 'node:test';
import type OpenAI from 'openai';
import {
  type MockOptions,
  type MockProvider,
  startMockProvider,
} from '../../src/mock-provider/server.js';

/** Starts a mock provider without delays for one test. */
export async function mockForTest(
  test: TestContext,
  options: MockOptions = {},
): Promise<{ mock: MockProvider }> {
  const mock = await startMockProvider({ chunkIntervalMs: 0, ...options });
  test.after(() => mock.close());
  return { mock };
}

/** One message of a user. */
export function say(content: string): OpenAI.ChatCompletionMessageParam[] {
  return [{ role: 'user', content }];
}
