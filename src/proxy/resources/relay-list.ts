import { withOwnResultsUrl } from '../../dialects/anthropic/results-url.js';
import { isObject } from '../../dialects/conversation/read.js';
import type { JsonObject } from '../../dialects/conversation.js';
import { parsedJson } from '../../dialects/errors/answer-error.js';
import { GatewayError } from '../../errors.js';
import type { Exchange } from '../../server/exchange.js';
import { relayAnswer } from '../answer/relay-answer.js';
import { wholeOf } from '../answer/respond-translated.js';
import { dispatch } from '../attempts/dispatch.js';
import { answerHeaders } from '../attempts/headers.js';
import type { PlannedRequest } from '../attempts/planned-request.js';
import type { Gateway } from '../gateway.js';
import type { RequestRecord } from '../record.js';

/** Maximum pages of a provider searched for one with an object of this owner. */
const maxPages = 20;

/**
 * Answers with the first page of a provider's list that has objects of this owner, without those of
 * others.
 * @throws GatewayError as `dispatch`; `upstream_failed` for anything but a list; AbortedError.
 */
export async function relayList(
  gateway: Gateway,
  exchange: Exchange,
  planned: PlannedRequest,
  owner: string,
  record: RequestRecord,
): Promise<void> {
  let { query } = exchange;
  for (let page = 1; ; page++) {
    const answer = await dispatch(gateway, exchange, { ...planned, query }, record);
    const { attempt } = answer;
    if (attempt.status >= 300) return await relayAnswer(gateway, answer, exchange, planned, record);
    const body = attempt.ended
      ? attempt.takeHeld()
      : Buffer.concat([await wholeOf(gateway, answer, exchange, record)]);
    const list = parsedJson(body.toString());
    if (!isObject(list) || !Array.isArray(list.data)) {
      throw new GatewayError('upstream_failed', `The provider "${record.provider}" sent no list.`);
    }
    const own = await ownOf(gateway, list.data, owner);
    const last = idOf(list.data.at(-1));
    if (own.length === 0 && list.has_more === true && last !== null && page < maxPages) {
      query = withAfter(query, planned.endpoint.dialect.name.startsWith('anthropic.'), last);
      continue;
    }
    record.status = attempt.status;
    record.complete = !exchange.aborted;
    const headers = answerHeaders(attempt.headers, record.requestId);
    headers.push('x-llmproxy-provider', record.provider ?? '');
    const written = withOwnResultsUrl(JSON.stringify(listOf(list, own)));
    exchange.respond(attempt.status, headers, written);
    return;
  }
}

async function ownOf(
  { resources }: Gateway,
  data: readonly unknown[],
  owner: string,
): Promise<unknown[]> {
  const found = await resources.find(data.flatMap((each) => idOf(each) ?? []));
  const own = new Set(found.flatMap((each) => (each?.owner === owner ? each.id : [])));
  return data.filter((each) => own.has(idOf(each) ?? ''));
}

function idOf(object: unknown): string | null {
  return isObject(object) && typeof object.id === 'string' ? object.id : null;
}

function listOf(list: JsonObject, data: readonly unknown[]): JsonObject {
  return {
    ...list,
    data,
    ...('first_id' in list && { first_id: idOf(data[0]) }),
    ...('last_id' in list && { last_id: idOf(data.at(-1)) }),
  };
}

function withAfter(query: string, isAnthropic: boolean, id: string): string {
  const parameters = new URLSearchParams(query);
  parameters.set(isAnthropic ? 'after_id' : 'after', id);
  return parameters.toString();
}
