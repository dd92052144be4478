import { GatewayError } from '../../errors.js';
import { isOfKey, type RoutedStop } from '../../routing/budgets.js';
import { modelMeant } from '../../routing/model-order.js';
import type { Route } from '../../routing/snapshot.js';
import type { Gateway } from '../gateway.js';
import type { RequestRecord } from '../record.js';
import { narrowed } from './narrowed.js';

/** The parts of the gateway and of a request that kill switches depend on. */
type Stopping = Pick<Gateway, 'snapshot' | 'settings'>;
type Stoppable = Pick<RequestRecord, 'credential' | 'model' | 'user' | 'tags'>;

/** The kill switch that stops a running request; null: none. */
function stopOf(gateway: Gateway, record: RequestRecord): RoutedStop | null {
  return stopAt(gateway, record, record.provider);
}

/** The kill switch of requests at a provider; null: none. */
function stopAt(
  { snapshot, settings }: Stopping,
  record: Stoppable,
  provider: string | null,
): RoutedStop | null {
  const { stops } = snapshot;
  const { credential, model, user, tags } = record;
  if (!stops || !credential || model === null) return null;
  const selected = { user, tags, model: modelMeant(model, settings.routing) };
  for (const stop of stops) {
    const { applies_to } = stop.config;
    if (applies_to.provider !== undefined && applies_to.provider !== provider) continue;
    if (isOfKey(applies_to, credential) && stop.matches(selected)) return stop;
  }
  return null;
}

/** True if a running request is stopped; the record then has the reason. */
export function isStopped(gateway: Gateway, record: RequestRecord): boolean {
  if (!gateway.snapshot.stops) return false;
  const stop = stopOf(gateway, record);
  if (stop) record.stopped = stopped(stop);
  return stop !== null;
}

/**
 * The routes without those providers that are stopped.
 * @throws GatewayError `stopped` where none is left.
 */
export function openRoutes(
  gateway: Stopping,
  record: Stoppable,
  routes: readonly Route[],
): readonly Route[] {
  let last: RoutedStop | null = null;
  const open = narrowed(routes, ({ provider }) => {
    const stop = stopAt(gateway, record, provider.key);
    last = stop ?? last;
    return stop === null;
  });
  if (open.length === 0 && last) throw stopped(last);
  return open;
}

/** The error for a client whose requests are stopped. */
function stopped({ config }: RoutedStop): GatewayError {
  const whose = Object.entries(config.applies_to).map(([what, name]) => `${what} "${name}"`);
  const reason = config.reason === null ? '' : `: ${config.reason}`;
  const message = `An operator has stopped requests of the ${whose.join(' and ')}${reason}.`;
  return new GatewayError('stopped', message, { headers: { 'x-should-retry': 'false' } });
}
