import { role } from '../lib/session.js';
import { AuditPage } from './audit.js';
import { Budgets } from './budgets.js';
import { CachePage } from './cache.js';
import { Canaries } from './canaries.js';
import { Configuration } from './configuration.js';
import { FleetPage } from './fleet.js';
import { Health } from './health.js';
import { Keys } from './keys.js';
import { Mirrors } from './mirrors.js';
import { Models } from './models.js';
import { Overview } from './overview.js';
import { Playground } from './playground.js';
import { Providers } from './providers.js';
import { Requests } from './requests.js';
import { Teams } from './teams.js';
import { UsagePage } from './usage.js';

/** Every page by its name in addresses. */
export const pages = {
  overview: Overview,
  requests: Requests,
  usage: UsagePage,
  playground: Playground,
  providers: Providers,
  models: Models,
  canaries: Canaries,
  mirrors: Mirrors,
  cache: CachePage,
  keys: Keys,
  teams: Teams,
  budgets: Budgets,
  configuration: Configuration,
  audit: AuditPage,
  fleet: FleetPage,
  health: Health,
} as const;

export type PageName = keyof typeof pages;

interface Group {
  title: string;
  names: readonly (readonly [PageName, string])[];
}

/** The page of this name, if the signed-in person may see it; else undefined. */
const ofTeam: readonly string[] = ['usage', 'requests', 'playground', 'keys', 'budgets'];

/** The page with a name in an address, if the signed-in person may see it; undefined otherwise. */
export function pageOf(name: string): PageName | undefined {
  const isTeam = role.value === 'team';
  const shown = isTeam && name === 'overview' ? 'usage' : name;
  return isShown(shown) ? (shown as PageName) : undefined;
}

/** True for a page that the signed-in person may see. */
export function isShown(name: string): boolean {
  return Object.hasOwn(pages, name) && (role.value !== 'team' || ofTeam.includes(name));
}

/** The pages in the order of the menu. */
export const pageGroups: readonly Group[] = [
  {
    title: '',
    names: [
      ['overview', 'Overview'],
      ['requests', 'Requests'],
      ['usage', 'Usage and cost'],
      ['playground', 'Playground'],
    ],
  },
  {
    title: 'Who serves, who may',
    names: [
      ['providers', 'Providers'],
      ['models', 'Models'],
      ['canaries', 'Canaries'],
      ['mirrors', 'Mirrors'],
      ['cache', 'Cache'],
      ['keys', 'Keys'],
      ['teams', 'Teams'],
      ['budgets', 'Budgets'],
    ],
  },
  {
    title: 'This gateway',
    names: [
      ['configuration', 'Configuration'],
      ['audit', 'Audit'],
      ['fleet', 'Fleet'],
      ['health', 'Health'],
    ],
  },
];
