import { mayChange } from '../../config/settings/settings-types.js';
import type { RequestFinished } from '../../observe/request-event.js';
import { requestRow } from '../lists/request-row.js';
import type { AdminRoute, Parameter } from '../route.js';
import { type EventWriter, eventStream } from '../server/event-stream.js';
import { describeStatus, statusParameters } from './status.js';

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
            pattern: '^(requests|status)(,(requests|status))?$',
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
      const ofStatus = new URLSearchParams(query);
      ofStatus.delete('provider');
      const start = (writer: EventWriter) => {
        const stops: (() => void)[] = [];
        if (topics.includes('requests')) {
          const watch = control.live.watch(({ number, request }) => {
            if (matches(request)) writer.send('request', requestRow(request), number);
          }, after);
          stops.push(watch);
        }
        if (topics.includes('status')) {
          const send = () => writer.send('status', describeStatus(control, ofStatus));
          send();
          const timer = setInterval(send, statusEveryMs);
          stops.push(() => clearInterval(timer));
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

function matcher(query: URLSearchParams): (request: RequestFinished) => boolean {
  const [key, model, provider] = ['key', 'model', 'provider'].map((name) => query.get(name));
  const errors = query.get('errors') === 'true';
  return (request) =>
    (!key || request.credential?.name === key) &&
    (!model || request.model === model) &&
    (!provider || request.provider === provider) &&
    (!errors || request.error !== null || (request.status >= 400 && request.status !== 499));
}
