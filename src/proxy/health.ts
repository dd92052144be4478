import { needsNoKey } from '../config/network/client.js';
import type { ProviderStatus } from '../observe/gateway-state.js';
import type { Exchange } from '../server/exchange.js';
import { clientOf } from './access/client-of.js';
import { tellWrongKey } from './access/wrong-key.js';
import type { Gateway } from './gateway.js';

/** Says which daemon answers: other daemons look for one that has fallen silent. */
export const daemonHeader = 'x-llmproxy-daemon';

/**
 * The answer to `GET /health`, from memory. Everybody learns whether this worker takes requests;
 * clients allowed by `health.details` also get the daemon's state.
 */
export function health(gateway: Gateway, exchange: Exchange): { status: number; body: string } {
  const { draining } = gateway;
  const told = maySeeDetails(gateway, exchange) ? details(gateway) : {};
  return {
    status: draining ? 503 : 200,
    body: JSON.stringify({ status: draining ? 'draining' : 'ok', ...told }),
  };
}

/** Providers listed: whoever polls many of them each second would keep a worker busy. */
const maxProviders = 1_000;

function details({ facts, snapshot, health }: Gateway) {
  const statuses = health.statuses(Date.now());
  const weights = snapshot.providers.reduce((sum, { weight }) => sum + weight, 0);
  const isIn = ({ key }: { key: string }) => stateOf(statuses[key]) === 'available';
  const all = snapshot.providers;
  const shown =
    all.length <= maxProviders
      ? all
      : [...all.filter((one) => !isIn(one)), ...all.filter(isIn)].slice(0, maxProviders);
  return {
    version: facts.version,
    uptime_seconds: Math.max(0, Math.round((Date.now() - facts.startedAt) / 1000)),
    config_version: facts.configVersion ?? snapshot.version,
    database: facts.database,
    fleet: {
      daemons: facts.fleet.size,
      cut_off: facts.fleet.cutOff,
      gone: facts.fleet.gone,
      behind: facts.fleet.behind,
      versions: facts.fleet.versions,
    },
    providers: shown.map(({ key, weight }) => ({
      provider_key: key,
      weight,
      share: weights === 0 ? 0 : weight / weights,
      state: stateOf(statuses[key]),
      healthy: !health.isEjected(key),
    })),
  };
}

/** Uses the words of `llmproxy status`, for this worker's view alone. */
function stateOf(status: ProviderStatus | undefined): string {
  return status === undefined || status.state === 'in' ? 'available' : status.state;
}

function maySeeDetails(gateway: Gateway, exchange: Exchange): boolean {
  const { settings, adminKey } = gateway;
  const { isLocal } = clientOf(gateway, exchange);
  if (needsNoKey(settings.health.details, isLocal, settings.server.host)) return true;
  const authorization = exchange.header('authorization');
  if (authorization !== '' && !adminKey.holds(authorization)) {
    tellWrongKey(gateway, exchange, 'admin');
  }
  return adminKey.seesAll(authorization);
}
