import type { MatchLogic } from '../config/rows/price.js';

/** @param name in lower case. */
export function matches(logic: MatchLogic, name: string): boolean {
  if ('or' in logic) return logic.or.some((part) => matches(part, name));
  if ('and' in logic) return logic.and.every((part) => matches(part, name));
  if ('equals' in logic) return name === logic.equals;
  if ('contains' in logic) return name.includes(logic.contains);
  if ('starts_with' in logic) return name.startsWith(logic.starts_with);
  if ('ends_with' in logic) return name.endsWith(logic.ends_with);
  return new RegExp(logic.regex).test(name);
}
