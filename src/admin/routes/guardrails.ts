import { existingNamed } from '../../changes/named.js';
import type { Guardrail, Phase } from '../../config/rows/guardrail.js';
import { phases } from '../../config/rows/guardrail.js';
import { GatewayError } from '../../errors.js';
import { tryGuardrail } from '../../policies/guardrails/try-guardrail.js';
import type { PolicyServices } from '../../policies/policy.js';
import { fetchBytes } from '../../upstream/fetch-bytes.js';
import { guardrailOutcome, jsonRequest, jsonResponse, object } from '../openapi/schemas.js';
import type { ChangeRoute } from '../route.js';

const maxText = 200_000;

/** Trying a guardrail with a text. */
export const guardrailRoutes: readonly ChangeRoute[] = [
  {
    method: 'POST',
    path: '/admin/v1/guardrails/{id}/test',
    access: 'admin',
    operators: true,
    // A text and patterns as long as they may be take seconds.
    bulk: true,
    operation: {
      operationId: 'testGuardrail',
      summary: 'Test a guardrail',
      description:
        'Shows it a text, as the only message of a chat or as its answer. A webhook is called. The row of the database is tested, enabled or not, without override files.',
      tags: ['guardrails'],
      parameters: [
        {
          name: 'id',
          in: 'path',
          required: true,
          description: "The guardrail's `id` or name.",
          schema: { type: 'string', minLength: 1, maxLength: 300 },
        },
      ],
      requestBody: jsonRequest({
        type: 'object',
        required: ['text'],
        additionalProperties: false,
        properties: {
          text: { type: 'string', maxLength: maxText },
          phase: { type: 'string', enum: phases, default: 'request' },
        },
        examples: [{ text: 'write to alice@example.com' }],
      }),
      responses: {
        200: jsonResponse(
          'The verdict',
          object({
            ...guardrailOutcome.properties,
            text: {
              type: ['string', 'null'],
              description: 'As it would go on; null: it is refused.',
            },
            refusal: { type: ['string', 'null'], description: 'As a client would read it.' },
          }),
        ),
      },
    },
    handle: async ({ params, body }, control) => {
      const row = await existingNamed(control, 'guardrails', params.id ?? '');
      const guardrail = row as unknown as Guardrail;
      const { text, phase } = body as { text: string; phase?: Phase };
      const { secret } = guardrail.config;
      const config = {
        ...guardrail.config,
        ...(secret !== undefined && {
          secret: await control.secrets.dereference(secret).catch(() => ''),
        }),
      };
      const services: PolicyServices = {
        post: (request) => fetchBytes(control.settings.upstream, { method: 'POST', ...request }),
        ask: () => Promise.reject(unasked()),
        slot: async () => () => {},
        unlessFailing: (_, ask) => ask(),
        room: () => () => {},
      };
      if (guardrail.kind === 'moderation') throw unasked();
      const tested = { ...guardrail, config };
      const { outcome, ...rest } = await tryGuardrail(tested, phase ?? 'request', text, services);
      return { status: 200, body: { ...outcome, ...rest } };
    },
  },
];

function unasked(): GatewayError {
  const message = 'A guardrail that asks a model is tested by a request to the gateway.';
  return new GatewayError('invalid_request', message, { param: 'id' });
}
