/** The effect of a model's name on its request. */
export type Steering =
  | { kind: 'status'; status: number }
  | { kind: 'size'; bytes: number }
  | { kind: 'echo' | 'hang' | 'reset' | 'cut-stream' | 'slow-stream' };

/** The models that steer, for `--help`. */
export const steeringHelp: readonly (readonly [model: string, effect: string])[] = [
  ['mock-status-<400-599>', 'answers that status with an error body'],
  ['', '(429 with retry-after: 1)'],
  ['mock-size-<bytes>', 'answers with a text of that many bytes'],
  ['mock-echo', 'answers with the request it got: {method, path, query,'],
  ['', 'headers, body, body_text} as JSON in the content, with'],
  ['', 'all but 4 characters of the authorization masked'],
  ['mock-hang', 'never answers'],
  ['mock-reset', 'closes the connection instead of answering'],
  ['mock-cut-stream', 'closes the connection in the middle of the answer'],
  ['mock-slow-stream', 'streams with at least 200 ms between chunks'],
];

/** Content chunks sent by `mock-cut-stream` before it closes the connection. */
export const chunksBeforeCut = 3;

/** Minimum interval of `mock-slow-stream`. */
export const slowIntervalMs = 200;

/** The longest text of `mock-size-<bytes>`. */
const maxTextBytes = 64 * 1024 * 1024;

/** The effect of this model's name; null for an ordinary one. */
export function steeringOf(model: string): Steering | null {
  if (!model.startsWith('mock-')) {
    return null;
  }
  const [, kind, number] = /^mock-(status|size)-(\d{1,9})$/.exec(model) ?? [];
  if (kind === 'status' && Number(number) >= 400 && Number(number) <= 599) {
    return { kind, status: Number(number) };
  }
  if (kind === 'size' && Number(number) <= maxTextBytes) {
    return { kind, bytes: Number(number) };
  }
  switch (model) {
    case 'mock-echo':
      return { kind: 'echo' };
    case 'mock-hang':
      return { kind: 'hang' };
    case 'mock-reset':
      return { kind: 'reset' };
    case 'mock-cut-stream':
      return { kind: 'cut-stream' };
    case 'mock-slow-stream':
      return { kind: 'slow-stream' };
    default:
      return null;
  }
}
