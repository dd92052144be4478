import { Overview } from './overview.js';

/** Every page by its name in addresses. */
export const pages = { overview: Overview } as const;

export type PageName = keyof typeof pages;

interface Group {
  title: string;
  names: readonly (readonly [PageName, string])[];
}

/** The pages in the order of the menu. */
export const pageGroups: readonly Group[] = [{ title: '', names: [['overview', 'Overview']] }];
