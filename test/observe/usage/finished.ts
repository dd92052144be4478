import type { RequestFinished } from '../../../src/observe/event.js';

/** A finished chat request, with these changes. */
export function finished(changes: Partial<RequestFinished> = {}): RequestFinished {
  return {
    type: 'request_finished',
    requestId: 'req-1',
    startedAt: Date.parse('2026-03-10T12:00:00.123Z'),
    method: 'POST',
    endpoint: '/v1/chat/completions',
    credential: { id: 7, name: 'alice' },
    team: null,
    user: null,
    tags: [],
    model: 'gpt-4',
    modelSent: 'gpt-4o',
    provider: 'main',
    attempts: 1,
    attemptsLog: null,
    attemptsEnd: null,
    translation: null,
    configVersion: 1,
    rateLimit: null,
    status: 200,
    error: null,
    stream: false,
    totalMs: 120.123456,
    upstreamMs: 118,
    firstTokenMs: 100,
    complete: true,
    spend: null,
    usage: null,
    uncounted: null,
    bodies: null,
    need: null,
    guardrails: null,
    ...changes,
  };
}
