import { isLoopback } from '../config/is-loopback.js';
import type { Exchange } from '../server/exchange.js';
import type { Gateway } from './gateway.js';

/**
 * The answer to `GET /health`, from memory. Everybody learns whether this worker takes requests,
 * those that `health.details` names also how the daemon is.
 */
export function health(gateway: Gateway, exchange: Exchange): { status: number; body: string } {
  const { draining } = gateway;
  const told = maySeeDetails(gateway, exchange) ? details(gateway) : {};
  return {
    status: draining ? 503 : 200,
    body: JSON.stringify({ status: draining ? 'draining' : 'ok', ...told }),
  };
}

function details({ facts, snapshot, health }: Gateway) {
  const weights = snapshot.providers.reduce((sum, { weight }) => sum + weight, 0);
  return {
    version: facts.version,
    uptime_seconds: Math.max(0, Math.round((Date.now() - facts.startedAt) / 1000)),
    config_version: facts.configVersion ?? snapshot.version,
    database: facts.database,
    providers: snapshot.providers.map(({ key, weight }) => ({
      provider_key: key,
      weight,
      share: weights === 0 ? 0 : weight / weights,
      healthy: !health.isEjected(key),
    })),
  };
}

function maySeeDetails({ settings, adminKey }: Gateway, exchange: Exchange): boolean {
  const { details } = settings.health;
  if (details === 'open' || (details === 'local' && isLocal(exchange))) return true;
  return adminKey.holds(exchange.header('authorization'));
}

/** From this machine, and not passed on by a proxy on it. */
function isLocal(exchange: Exchange): boolean {
  const forwarded = ['x-forwarded-for', 'forwarded', 'x-real-ip'].some(
    (name) => exchange.header(name) !== '',
  );
  return !forwarded && isLoopback(exchange.remoteAddress);
}
