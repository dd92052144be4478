import type { Candidate, ModelExplanation } from '../../admin/explain/explain-model.js';
import type {
  CacheExplanation,
  Considered,
  PromptCache,
  RequestExplanation,
} from '../../admin/explain/request-explanation.js';
import { counted } from '../../observe/counted.js';
import { visible } from '../../observe/visible.js';
import { shownDollars } from '../../pricing/money.js';
import { note, paint, print, printFields, printTable } from '../output.js';
import { enabling } from '../provider/provider-view.js';
import { duration } from './usage-view.js';

/** The requesting key, in the daemon's answer. */
export interface KeyNow {
  name: string;
  is_enabled: boolean;
  rate_limit: number | null;
  used_in_second: number;
}

/** Prints the history of a request for people. */
export function printRequestExplanation(explanation: RequestExplanation): void {
  const { started_at, model_asked, candidates, attempts_log: log } = explanation;
  printFields([
    ['request', explanation.request_id],
    ...(explanation.trace_id === null ? [] : [['trace', explanation.trace_id] as const]),
    ['at', `${started_at}  ${explanation.endpoint}${explanation.stream ? ', streamed' : ''}`],
    ...(explanation.daemon === null ? [] : [['daemon', explanation.daemon] as const]),
    ['answer', answer(explanation)],
    ['key', explanation.key ?? 'none that is valid'],
    ...(explanation.team === null ? [] : [['team', explanation.team] as const]),
    ...(explanation.user === null ? [] : [['user', explanation.user] as const]),
    ...(explanation.session === null ? [] : [['session', explanation.session] as const]),
    ...(explanation.tags.length === 0 ? [] : [['tags', explanation.tags.join(', ')] as const]),
    ...(model_asked === null ? [] : [['model', modelOf(explanation)] as const]),
    ...(explanation.translated_to === null
      ? []
      : [['translated', translationOf(explanation)] as const]),
    ['took', times(explanation)],
    ...(explanation.limits ? [['limit', limitOf(explanation.limits)] as const] : []),
    ...(explanation.cache ? [['cache', cacheOf(explanation.cache)] as const] : []),
    ['tokens', tokensOf(explanation)],
    ...(explanation.prompt_cache ? [['warm', warmthOf(explanation)] as const] : []),
    ...(explanation.cost === null
      ? []
      : [['cost', `$${explanation.cost.cost}, see --cost`] as const]),
    ...(explanation.config_version === null
      ? []
      : [['config', `version ${explanation.config_version}`] as const]),
  ]);
  if (explanation.guardrails.length > 0) printGuardrails(explanation.guardrails);
  if (log === null) {
    print('');
    note(
      `No daemon remembers it: this is its row of request_logs. It made ${counted(explanation.attempts, 'attempt')}, and only the last one is known.`,
    );
    return;
  }
  if (log.length > 0) {
    print(`\n${paint('bold', 'Attempts')}`);
    printTable(log, [
      { header: 'AFTER', value: (one) => duration(one.at_ms), align: 'right' },
      { header: 'PROVIDER', value: (one) => one.provider, shrinkTo: 12, isName: true },
      { header: 'MODEL SENT', value: (one) => one.model_sent, shrinkTo: 12 },
      { header: 'TOOK', value: (one) => duration(one.took_ms), align: 'right' },
      { header: 'OUTCOME', value: outcomeOf, shrinkTo: 20 },
    ]);
    const end = explanation.attempts_end && ends[explanation.attempts_end];
    if (end) print(`No further attempt: ${end}.`);
  }
  if (candidates === null) {
    if (model_asked !== null) note('\nThe configuration that it used is no longer kept.');
  } else if (candidates.length > 0) printConsidered(candidates);
}

/** Prints the route of a possible request for people. */
export function printModelExplanation(
  explanation: ModelExplanation & { key: KeyNow | null; config_version: number },
): void {
  const { key, model, model_asked, prefix_removed, error } = explanation;
  const asked = prefix_removed ? `${model_asked} → ${model}` : model_asked;
  printFields([
    ['model', prefix_removed ? `${asked} (prefix ${prefix_removed} removed)` : asked],
    ['key', key ? `${key.name}${key.is_enabled ? '' : ' (revoked: refused with 401)'}` : 'any'],
    ['allowed', allowed(explanation, key)],
    ...(key ? [['limit', limitOf(key)] as const] : []),
    [
      'strategy',
      `${explanation.strategy}, at most ${counted(explanation.max_attempts, 'attempt')}`,
    ],
    ['config', `version ${explanation.config_version}`],
  ]);
  if (error === 'model_not_allowed') print(`\n${paint('red', 'Refused with 403')}: ${error}`);
  for (const route of explanation.routes) {
    const title = route.fallback
      ? `If that fails: ${visible(route.model)}`
      : `Providers of ${visible(route.model)}`;
    print(`\n${paint('bold', title)}`);
    if (route.candidates.length === 0) print(paint('yellow', 'no enabled provider serves it'));
    else {
      printTable(route.candidates, [
        { header: 'PROVIDER', value: (one) => one.provider, shrinkTo: 10, isName: true },
        { header: 'BY', value: (one) => one.pattern ?? 'all', shrinkTo: 6 },
        { header: 'SENT AS', value: (one) => one.model_sent, shrinkTo: 10 },
        { header: 'PRIO', value: (one) => String(one.priority), align: 'right' },
        { header: 'WEIGHT', value: (one) => String(one.weight), align: 'right' },
        { header: 'SHARE', value: shareOf, align: 'right' },
        { header: 'WHY', value: reasonOf, shrinkTo: 24 },
      ]);
    }
    for (const line of translationsOf(route.candidates)) print(paint('dim', visible(line)));
    if (route.others.length > 0) {
      print(paint('dim', visible(`not ${route.others.map(other).join('; not ')}`)));
    }
  }
  if (error === 'model_not_found') print(`\n${paint('red', 'Refused with 404')}: ${error}`);
  if (error === 'no_provider_available') print(`\n${paint('red', 'Refused with 503')}: ${error}`);
}

function printConsidered(candidates: readonly Considered[]): void {
  print(`\n${paint('bold', 'Candidates')}`);
  printTable(candidates, [
    { header: 'PROVIDER', value: (one) => one.provider, shrinkTo: 12, isName: true },
    { header: 'BY', value: (one) => one.pattern ?? 'all', shrinkTo: 6 },
    { header: 'SENT AS', value: (one) => one.model_sent, shrinkTo: 10 },
    { header: 'PRIO', value: (one) => String(one.priority), align: 'right' },
    { header: 'WEIGHT', value: (one) => String(one.weight), align: 'right' },
    { header: 'WHY', value: (one) => one.reason, shrinkTo: 24 },
  ]);
}

function printGuardrails(guardrails: RequestExplanation['guardrails']): void {
  print(`\n${paint('bold', 'Guardrails')}`);
  printTable(guardrails, [
    { header: 'GUARDRAIL', value: (one) => one.guardrail, shrinkTo: 12, isName: true },
    { header: 'KIND', value: (one) => one.kind },
    { header: 'OF', value: (one) => one.phase },
    { header: 'VERDICT', value: (one) => one.verdict.replace('_', ' ') },
    { header: 'FOUND', value: (one) => one.found.join(', ') || '-', shrinkTo: 20 },
    { header: 'TOOK', value: (one) => (one.took_ms > 0 ? duration(one.took_ms) : '-') },
  ]);
}

function answer({ status, error, complete }: RequestExplanation): string {
  const text = `${status}${error ? ` ${error}` : ''}${complete || status >= 400 ? '' : ', cut short'}`;
  return paint(status < 400 && complete ? 'green' : 'red', text);
}

function modelOf({ model_asked, model_sent, provider }: RequestExplanation): string {
  const sent = model_sent === null || model_sent === model_asked ? '' : ` → ${model_sent}`;
  return `${model_asked}${sent}${provider === null ? '' : ` at ${provider}`}`;
}

function translationOf({ translated_to, lost }: RequestExplanation): string {
  return `to ${translated_to}${lost === null ? '' : `, lost: ${lost}`}`;
}

function cacheOf({ result, age_ms, saved_nano }: CacheExplanation): string {
  if (result !== 'hit') return result === 'miss' ? 'miss' : 'bypass: its answer is not kept';
  const age = age_ms === null ? '' : `, ${duration(age_ms)} old`;
  return `hit${age}${saved_nano === null ? '' : `, saved ${shownDollars(saved_nano)}`}`;
}

function warmthOf({ prompt_cache, tokens }: RequestExplanation): string {
  const { prefers, moved, cached_tokens, move_cost_nano } = prompt_cache as PromptCache;
  const share = tokens ? Math.round((100 * cached_tokens) / Math.max(1, tokens.prompt)) : 0;
  const parts = [`${share} % of the prompt from the provider's cache`];
  if (move_cost_nano) parts.push(`a move to another one costs ${shownDollars(move_cost_nano)}`);
  if (prefers !== null)
    parts.push(moved ? `its session prefers ${prefers}` : 'as its session prefers');
  return parts.join(', ');
}

function times({ total_ms, upstream_ms, first_token_ms }: RequestExplanation): string {
  const parts = [duration(total_ms)];
  if (upstream_ms > 0) parts.push(`${duration(upstream_ms)} at providers`);
  if (first_token_ms !== null) parts.push(`first token after ${duration(first_token_ms)}`);
  return parts.join(', ');
}

function limitOf({ rate_limit, used_in_second }: Pick<KeyNow, 'rate_limit' | 'used_in_second'>) {
  if (rate_limit === 0) return 'blocked';
  const used = `${used_in_second} in the second before`;
  return rate_limit === null ? `none (${used})` : `${rate_limit}/s (${used})`;
}

function tokensOf({ tokens }: RequestExplanation): string {
  if (!tokens) return 'none';
  const source = tokens.source === 'provider' ? 'said by the provider' : 'counted here';
  return `${tokens.prompt} + ${tokens.completion}, ${source}`;
}

function outcomeOf({
  outcome,
  status,
  reason,
}: {
  outcome: string;
  status: number | null;
  reason: string | null;
}) {
  if (reason) return reason;
  return status === null ? outcome : `${outcome} ${status}`;
}

const ends: Readonly<Record<string, string>> = {
  no_candidate_left: 'no other provider serves this model, or has a slot free',
  not_retryable: 'the error is the client’s own',
  max_attempts: 'that was the last of routing.max_attempts',
  retry_budget_spent: 'too many requests are being repeated already',
  body_not_kept: 'the upload was too large to be kept for another attempt',
  over: 'its time was over, or its client had left',
};

function allowed({ allowed_by, model }: ModelExplanation, key: KeyNow | null): string {
  if (!key) return 'not asked: name a key with --key';
  if (allowed_by === null) return paint('red', `no: none of its models is ${model}`);
  return allowed_by === '*' ? 'yes, all models' : `yes, by ${allowed_by}`;
}

/** One line for all providers that are translated in the same APIs. */
function translationsOf(candidates: readonly Candidate[]): string[] {
  const providers = new Map<string, string[]>();
  for (const { provider, translated } of candidates) {
    const apis = translated.join(', ');
    providers.set(apis, [...(providers.get(apis) ?? []), provider]);
  }
  providers.delete('');
  return [...providers].map(([apis, names]) => `${apis} translated for ${names.join(', ')}`);
}

function shareOf({ share }: Candidate): string {
  return share === null ? '-' : `${Math.round(share * 100)}%`;
}

function reasonOf({ reason, state, until, in_flight, max_concurrency }: Candidate): string {
  const parts = [reason];
  if (until && state !== 'available') parts.push(`for ${secondsUntil(until)} s`);
  if (max_concurrency !== null) parts.push(`(${in_flight} of ${max_concurrency})`);
  return parts.join(' ');
}

function secondsUntil(time: string): number {
  return Math.max(0, Math.ceil((Date.parse(time) - Date.now()) / 1000));
}

function other({ provider, reason }: { provider: string; reason: string }): string {
  return `${provider}: ${reason}${reason === 'disabled' ? `: ${enabling(provider)}` : ''}`;
}
