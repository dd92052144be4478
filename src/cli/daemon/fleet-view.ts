import type { DescribedFleet, FleetDaemon } from '../../admin/describe-fleet.js';
import { counted } from '../../observe/counted.js';
import { visible } from '../../observe/visible.js';
import type { AsJson } from '../admin-api.js';
import { type Column, displayWidth, paint, tableLines } from '../output.js';
import { duration } from '../requests/usage-view.js';

/** The answer of `GET /admin/v1/fleet`. */
export type FleetNow = Omit<DescribedFleet, 'daemons'> & { daemons: Row[] };

type Row = AsJson<FleetDaemon>;

const columns: readonly Column<Row>[] = [
  { header: 'DAEMON', value: ({ id }) => id },
  { header: 'STATE', value: ({ state }) => state.replace('_', ' ') },
  { header: 'VERSION', value: ({ version }) => version },
  { header: 'CONFIG', value: configOf, align: 'right' },
  { header: 'WORKERS', value: ({ workers }) => String(workers), align: 'right' },
  { header: 'SEEN', value: (each) => `${duration(each.heartbeat_age_ms)} ago`, align: 'right' },
];
const listens: Column<Row> = {
  header: 'LISTENS',
  value: ({ listeners }) => visible(listeners.join(' ')),
};

/** The lines of a fleet; `width` in terminal columns. */
export function fleetLines(
  { daemons, config_version, versions }: FleetNow,
  width: number,
): string[] {
  if (daemons.length === 0) return ['no daemon has registered in this database'];
  const whole = tableLines(daemons, [...columns, listens], Number.POSITIVE_INFINITY);
  const fits = whole.every((line) => displayWidth(line) <= width);
  // Neither an id nor an address is of use in part: addresses get lines of their own.
  const [header = '', ...rows] = fits ? whole : tableLines(daemons, columns, width);
  const lines = daemons.flatMap((daemon, place) => [
    coloured(rows[place] ?? '', daemon),
    ...(fits || daemon.listeners.length === 0 ? [] : [`  listens: ${listens.value(daemon)}`]),
  ]);
  const live = daemons.filter(({ state }) => state !== 'gone');
  const stores = new Set(live.map(({ limit_store }) => limit_store));
  return [
    header,
    ...lines,
    '',
    `${live.length} of ${counted(daemons.length, 'daemon')} live; the configuration is at version ${config_version}`,
    ...(versions.length > 1 ? [warning(`versions differ: ${versions.join(', ')}`)] : []),
    ...(stores.size > 1
      ? [warning(`limits are leased from different stores: ${[...stores].join(', ')}`)]
      : []),
  ];
}

function configOf({ config_version, behind }: Row): string {
  if (config_version === null) return '-';
  return behind === 0 ? String(config_version) : `${config_version} (-${behind})`;
}

function coloured(row: string, daemon: Row): string {
  if (daemon.state === 'gone' || daemon.state === 'cut_off') return paint('red', row);
  return daemon.behind > 0 ? paint('yellow', row) : row;
}

function warning(text: string): string {
  return paint('yellow', text);
}
