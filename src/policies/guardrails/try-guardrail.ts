import type { Guardrail, Phase } from '../../config/rows/guardrail.js';
import { noPlace } from '../../dialects/codec.js';
import { chat } from '../../dialects/openai/dialects.js';
import { GatewayError } from '../../errors.js';
import type { GuardrailOutcome } from '../../observe/request-event.js';
import type { Call, PolicyServices } from '../policy.js';
import { compiledGuardrail } from './compiled-guardrail.js';
import { GuardRun } from './guard-run.js';
import { requestOf } from './whole.js';

export interface Tried {
  outcome: GuardrailOutcome;
  /** The resulting text; null if it is refused. */
  text: string | null;
  /** The refusal, as sent to a client. */
  refusal: string | null;
}

/**
 * Tries a guardrail on a text, as the only message of a chat or as its answer.
 * @throws GatewayError `invalid_request` where it has no such phase.
 */
export async function tryGuardrail(
  row: Guardrail,
  phase: Phase,
  text: string,
  services: PolicyServices,
): Promise<Tried> {
  if (!row.phases.includes(phase)) {
    throw new GatewayError('invalid_request', `The guardrail does not check the ${phase}.`, {
      param: 'phase',
    });
  }
  const model = row.applies_to.model ?? 'test';
  const message = { role: phase === 'request' ? 'user' : 'assistant', content: text };
  const body = Buffer.from(
    JSON.stringify(
      phase === 'request' ? { model, messages: [message] } : { choices: [{ index: 0, message }] },
    ),
  );
  const outcomes: GuardrailOutcome[] = [];
  const call: Call = {
    requestId: 'test',
    caller: { id: null, name: row.applies_to.key ?? 'test', team: row.applies_to.team ?? null },
    model,
    pattern: '/v1/chat/completions',
    dialect: chat,
    place: noPlace,
    body: 'whole',
    services,
    note: (outcome) => outcomes.push(outcome),
  };
  const run = new GuardRun(call, [compiledGuardrail({ ...row, is_enabled: true })]);
  let refusal: string | null = null;
  let left: Buffer | null = null;
  try {
    if (phase === 'request') {
      left = (await run.before(requestOf(chat, body, noPlace))).body;
    } else {
      left = body;
      const head = { status: 200, stream: false, contentType: 'application/json' };
      for (const hold of run.hold(head)) left = await hold.push(left);
    }
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    refusal = error.message;
  }
  await run.after();
  const [first] = outcomes;
  const outcome: GuardrailOutcome = first ?? {
    ...{ guardrail: row.name, kind: row.kind, phase, verdict: 'passed', found: [], took_ms: 0 },
  };
  return { outcome, text: left && refusal === null ? messageIn(left) : null, refusal };
}

function messageIn(body: Buffer): string | null {
  const { messages, choices } = JSON.parse(body.toString());
  return messages?.[0]?.content ?? choices?.[0]?.message?.content ?? null;
}
