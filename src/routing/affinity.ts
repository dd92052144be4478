import { mixed } from './place-of.js';
import type { Candidate } from './snapshot.js';

/**
 * The candidate that a session prefers, by weighted rendezvous hashing: always the same one while it
 * can be picked, and when one goes, only its own sessions move. Sessions are spread by weight.
 * @param session a whole number of 32 bits.
 * @returns its index; -1 where none with a weight can be picked.
 */
export function preferred(
  session: number,
  candidates: readonly Candidate[],
  canBePicked: (index: number) => boolean,
): number {
  let best = -1;
  let lowest = Number.POSITIVE_INFINITY;
  for (const [index, { provider }] of candidates.entries()) {
    if (provider.weight === 0 || !canBePicked(index)) continue;
    const chance = (mixed(session ^ provider.place) + 1) / 4_294_967_297;
    const score = -Math.log(chance) / provider.weight;
    if (score >= lowest) continue;
    lowest = score;
    best = index;
  }
  return best;
}
