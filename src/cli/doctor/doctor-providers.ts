import { type Finding, failed, ok, warning } from '../../admin/health/finding.js';
import type { Provider } from '../../config/configuration.js';
import type { Settings } from '../../config/settings/settings.js';
import { errorMessage } from '../failure.js';
import { duration } from '../requests/usage-view.js';

const timeoutMs = 5_000;
const atOnce = 16;
const maxAnswerBytes = 8_388_608;

/** Lists the models of each enabled provider, which tests its address, TLS and key. */
export async function checkProviders(
  providers: readonly Provider[],
  settings: Settings,
): Promise<Finding[]> {
  const waiting = providers.filter(({ is_enabled }) => is_enabled);
  const findings = new Map<string, Finding>();
  const next = async (): Promise<void> => {
    const provider = waiting.shift();
    if (!provider) return;
    findings.set(provider.provider_key, await checkProvider(provider, settings));
    return next();
  };
  const order = waiting.map(({ provider_key }) => provider_key);
  await Promise.all(Array.from({ length: atOnce }, next));
  return order.flatMap((key) => findings.get(key) ?? []);
}

async function checkProvider(provider: Provider, settings: Settings): Promise<Finding> {
  const [{ askProvider }, { compileWires }, { Upstreams }] = await Promise.all([
    import('../../upstream/ask.js'),
    import('../../routing/wire.js'),
    import('../../upstream/upstreams.js'),
  ]);
  const key = provider.provider_key;
  const check = `provider ${key}`;
  const upstreams = new Upstreams(settings.upstream);
  const bounds = { timeoutMs, maxBytes: maxAnswerBytes, signal: new AbortController().signal };
  try {
    const wires = compileWires(provider);
    const { status, tookMs } = await askProvider(upstreams, wires, { endpoint: null }, bounds);
    const took = `answers ${status} after ${duration(tookMs)}`;
    if (status < 300) return ok(check, took);
    if (status === 404 || status === 405) return ok(check, `${took}: it lists no models`);
    if (status === 401 || status === 403) {
      const todo = `give it another key: llmproxy provider update ${key} --api-key-env VARIABLE`;
      return failed(check, `answers ${status} (its key is not accepted)`, todo);
    }
    return warning(check, `answers ${status}`, `look closer: llmproxy provider test ${key}`);
  } catch (error) {
    const todo = `see its address and the network: llmproxy provider test ${key}`;
    return failed(check, errorMessage(error), todo);
  } finally {
    upstreams.retain([]);
  }
}

/** Maximum providers of a group that are named. */
const maxNames = 10;

/** For people: one finding for all providers with the same problem. */
export function grouped(findings: readonly Finding[]): Finding[] {
  const groups = new Map<string, Finding[]>();
  for (const found of findings) {
    const cause = found.state === 'ok' ? found.check : `${found.state} ${found.detail}`;
    groups.set(cause, [...(groups.get(cause) ?? []), found]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first || group.length === 1) return group;
    const nameOf = ({ check }: Finding) => check.slice('provider '.length);
    const names = group.slice(0, maxNames).map(nameOf).join(', ');
    const more = group.length > maxNames ? ` and ${group.length - maxNames} more` : '';
    const todo = first.todo?.replace(` ${nameOf(first)}`, ' NAME') ?? null;
    const check = `${group.length} providers`;
    return { ...first, check, detail: `${first.detail}: ${names}${more}`, todo };
  });
}
