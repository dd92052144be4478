import { type MovedSessions, mixed } from './place-of.js';
import type { Candidate } from './snapshot.js';

/**
 * The candidate that a session prefers, by weighted rendezvous hashing: always the same one while it
 * can be picked, and when one goes, only its own sessions move. Sessions are spread by weight; a
 * canary moves its part of those of one candidate.
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
  for (const [index, { provider, ownWeight, movedSessions }] of candidates.entries()) {
    if (ownWeight === 0) continue;
    const moved = movedSessions ? targetOf(session, movedSessions, candidates) : -1;
    const target = moved >= 0 && canBePicked(moved) ? moved : index;
    if (!canBePicked(target)) continue;
    const chance = (mixed(session ^ provider.place) + 1) / numbers;
    const score = -Math.log(chance) / ownWeight;
    if (score >= lowest) continue;
    lowest = score;
    best = target;
  }
  return best;
}

/** One more than there are places. */
const numbers = 4_294_967_297;

/** The candidate that canaries move a session to; -1: none. */
function targetOf(
  session: number,
  all: readonly MovedSessions[],
  candidates: readonly Candidate[],
): number {
  const to = all.find(({ share, place }) => mixed(session ^ place) < share * (numbers - 1));
  if (!to) return -1;
  return candidates.findIndex(
    ({ provider, model }) => provider.key === to.provider && model === to.model,
  );
}
