import type { TestContext } from 'node:test';
import OpenAI from 'openai';
import type { MockOptions, MockProvider } from '../../src/mock-provider/server.js';
import { mockForTest } from './mock-for-test.js';

/** Starts a mock provider without delays for one test, with the official SDK as its client. */
export async function mockWithClient(
  test: TestContext,
  options?: MockOptions,
): Promise<{ mock: MockProvider; client: OpenAI }> {
  const { mock } = await mockForTest(test, options);
  const client = new OpenAI({ baseURL: mock.url, apiKey: 'sk-any-secret-key', maxRetries: 0 });
  return { mock, client };
}
