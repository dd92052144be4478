import { listPattern } from '../../config/pattern-words.js';
import { mayChange } from '../../config/settings/settings-types.js';
import type { RequestFinished } from '../../observe/request-event.js';
import type { Control } from '../control.js';
import { requestRow } from '../lists/request-row.js';
import type { AdminRoute, Parameter } from '../route.js';
import { type EventWriter, eventStream } from '../server/event-stream.js';
import { jsonText } from '../server/json-text.js';
import { StatusFeed } from '../server/status-feed.js';
import { statusNow, statusParameters } from './status.js';

const statusEveryMs = 1_000;

const only = (name: 'key' | 'model' | 'provider'): Parameter => ({
  name,
  in: 'query',
  description: `Only requests of this ${name}.`,
  schema: { type: 'string', minLength: 1, maxLength: 256 },
});

/** `/admin/v1/events`: a live stream of events. */
export const eventRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/events',
    access: 'admin',
    operation: {
      operationId: 'followEvents',
      summary: 'Follow requests and the state of the gateway',
      description:
        'Server-sent events of this instance: `request` when one has finished, with the fields of `GET /admin/v1/requests`; `status` every second, with those of `GET /admin/v1/status`; `skipped` with the `count` of events that a slow reader misses. The stream ends after a minute: come back with `Last-Event-ID` to miss nothing, as browsers do.',
      tags: ['monitoring'],
      parameters: [
        {
          name: 'topics',
          in: 'query',
          description: '`requests`, `status`, or both with a comma.',
          schema: {
            type: 'string',
            pattern: listPattern(['requests', 'status'], 2),
            default: 'requests',
          },
        },
        only('key'),
        only('model'),
        only('provider'),
        {
          name: 'errors',
          in: 'query',
          description: 'Only requests that failed.',
          schema: { type: 'boolean' },
        },
        ...statusParameters.filter(({ name }) => name === 'limit'),
        {
          name: 'last-event-id',
          in: 'header',
          description: 'The last `id` received; requests since then come first.',
          schema: { type: 'string' },
        },
      ],
      responses: {
        200: {
          description: 'The events',
          content: { 'text/event-stream': { schema: { type: 'string' } } },
        },
      },
    },
    handle: ({ query, headers, role }, control) => {
      const topics = (query.get('topics') ?? 'requests').split(',');
      const last = Number(headers['last-event-id'] ?? Number.NaN);
      const after = Number.isSafeInteger(last) ? last : null;
      const matches = matcher(query);
      const limit = query.get('limit');
      const ofStatus = new URLSearchParams(limit === null ? {} : { limit: String(Number(limit)) });
      const start = (writer: EventWriter) => {
        const stops: (() => void)[] = [];
        if (topics.includes('requests')) {
          const watch = control.live.watch(({ number, request }) => {
            if (matches(request)) writer.send('request', rowText(request), number);
          }, after);
          stops.push(watch);
        }
        if (topics.includes('status')) {
          const send = (text: string) => writer.send('status', text);
          stops.push(feedOf(control).follow(ofStatus.toString(), send));
        }
        return () => {
          for (const stop of stops) stop();
        };
      };
      // Before the daemon has started there is no state to report.
      control.active();
      return { status: 200, ...eventStream(start, control.stopping, mayChange(role)) };
    },
  },
];

function feedOf(control: Control): StatusFeed {
  const known = feeds.get(control);
  if (known) return known;
  const feed = new StatusFeed(statusEveryMs, async () => {
    const statusOf = await statusNow(control);
    return (query) => jsonText(statusOf(new URLSearchParams(query)));
  });
  feeds.set(control, feed);
  return feed;
}

const feeds = new WeakMap<Control, StatusFeed>();

/** A request as JSON, written once for all who follow. */
function rowText(request: RequestFinished): string {
  const known = rowTexts.get(request);
  if (known !== undefined) return known;
  const text = JSON.stringify(requestRow(request));
  rowTexts.set(request, text);
  return text;
}

const rowTexts = new WeakMap<RequestFinished, string>();

function matcher(query: URLSearchParams): (request: RequestFinished) => boolean {
  const [key, model, provider] = ['key', 'model', 'provider'].map((name) => query.get(name));
  const errors = query.get('errors') === 'true';
  return (request) =>
    (!key || request.credential?.name === key) &&
    (!model || request.model === model) &&
    (!provider || request.provider === provider) &&
    (!errors || request.error !== null || (request.status >= 400 && request.status !== 499));
}
