import type { DescribedFleet, FleetDaemon } from '../../admin/describe-fleet.js';
import { visible } from '../../observe/visible.js';
import type { AsJson } from '../admin-api.js';
import { paint, tableLines } from '../output.js';
import { duration } from '../requests/usage-view.js';

/** The answer of `GET /admin/v1/fleet`. */
export type FleetNow = Omit<DescribedFleet, 'daemons'> & { daemons: AsJson<FleetDaemon>[] };

/** The lines of a fleet; `width` in terminal columns. */
export function fleetLines(
  { daemons, config_version, versions }: FleetNow,
  width: number,
): string[] {
  if (daemons.length === 0) return ['no daemon has registered in this database'];
  const [header = '', ...rows] = tableLines(
    daemons,
    [
      { header: 'DAEMON', value: ({ id }) => visible(id), shrinkTo: 16 },
      { header: 'STATE', value: ({ state }) => state },
      { header: 'VERSION', value: ({ version }) => version },
      { header: 'CONFIG', value: configOf, align: 'right' },
      { header: 'WORKERS', value: ({ workers }) => String(workers), align: 'right' },
      { header: 'SEEN', value: (each) => `${duration(each.heartbeat_age_ms)} ago`, align: 'right' },
      { header: 'LISTENS', value: ({ listeners }) => visible(listeners.join(' ')), shrinkTo: 12 },
    ],
    width,
  );
  const lines = rows.map((row, place) => coloured(row, daemons[place]));
  const live = daemons.filter(({ state }) => state !== 'gone');
  const stores = new Set(live.map(({ limit_store }) => limit_store));
  return [
    header,
    ...lines,
    '',
    `${live.length} of ${daemons.length} daemons live; the configuration is at version ${config_version}`,
    ...(versions.length > 1 ? [warning(`versions differ: ${versions.join(', ')}`)] : []),
    ...(stores.size > 1
      ? [warning(`limits are leased from different stores: ${[...stores].join(', ')}`)]
      : []),
  ];
}

function configOf({ config_version, behind }: AsJson<FleetDaemon>): string {
  if (config_version === null) return '-';
  return behind === 0 ? String(config_version) : `${config_version} (-${behind})`;
}

function coloured(row: string, daemon: AsJson<FleetDaemon> | undefined): string {
  if (daemon?.state === 'gone') return paint('red', row);
  return daemon && daemon.behind > 0 ? paint('yellow', row) : row;
}

function warning(text: string): string {
  return paint('yellow', text);
}
