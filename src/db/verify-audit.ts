import { createHash } from 'node:crypto';
import type { Sql } from './client.js';
import { auditEnd, type ChainLink, readAuditChain } from './queries/audit/audit-chain.js';

/** The last entry of an intact log. */
export interface AuditHead {
  /** Number of kept entries, all of them checked. */
  entries: number;
  /** Number of entries ever written. */
  place: number;
  /** Stands for the whole log up to this entry. */
  hash: string;
}

/** An entry as `llmproxy audit export` writes it. */
export interface ExportedLink {
  place: number;
  previous: string;
  hash: string;
  entry: string;
}

/** The audit log was altered. */
class AuditError extends Error {
  override readonly name = 'AuditError';
}

export const noHash = '0'.repeat(64);

/** SHA-256, hex, of the previous hash and the entry's text. */
export function chainHash(previous: string, entry: string): string {
  return createHash('sha256').update(previous).update(entry).digest('hex');
}

/**
 * Checks every entry against its hash, and every hash against the previous one.
 * @param last of an earlier export: the log must still lead to it.
 * @throws AuditError naming the first altered entry.
 */
export async function verifyAudit(sql: Sql, last?: ExportedLink): Promise<AuditHead> {
  const { prunedTo, unchained } = await auditEnd(sql);
  if (unchained !== null) throw new AuditError(`entry ${unchained} has no hash`);
  const head: AuditHead = { entries: 0, place: 0, hash: noHash };
  let isLastFound = last === undefined;
  for await (const link of readAuditChain(sql)) {
    if (link.entry === null) {
      if (link.id > prunedTo || head.entries > 0) throw removed(link);
    } else {
      if (link.place !== head.place + 1) throw new AuditError(gapAt(head.place));
      if (chainHash(head.hash, link.entry) !== link.hash) {
        throw new AuditError(`entry ${link.id} is not as it was written, or those before it`);
      }
      head.entries++;
    }
    head.place = link.place;
    head.hash = link.hash;
    if (last?.place === link.place) {
      if (last.hash !== link.hash) {
        throw new AuditError(`the log has changed since the export, at or before entry ${link.id}`);
      }
      isLastFound = true;
    }
  }
  if (!isLastFound && last && last.place > head.place) {
    const lost = last.place - head.place;
    throw new AuditError(`the newest ${lost} entries of the export are no longer in the log`);
  }
  if (!isLastFound) {
    throw new AuditError('the log keeps nothing that is as old as the export: compare a newer one');
  }
  return head;
}

/**
 * A line of an export. The entry comes last and verbatim, since the hash covers its exact
 * characters.
 */
export function formatLink({ place, hash, entry }: ChainLink, previous: string): string {
  return `{"place":${place},"previous":"${previous}","hash":"${hash}","entry":${entry}}`;
}

/**
 * Checks an export by itself.
 * @returns its last line.
 * @throws AuditError naming the first wrong line.
 */
export function verifyExport(text: string): ExportedLink {
  let last: ExportedLink | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const link = parseLink(line);
    const follows: boolean =
      last === null || (link?.place === last.place + 1 && link.previous === last.hash);
    if (!link || !follows || chainHash(link.previous, link.entry) !== link.hash) {
      throw new AuditError(`line ${index + 1} of the export is not as it was written`);
    }
    last = link;
  }
  if (last === null) throw new AuditError('the export is empty');
  return last;
}

function parseLink(line: string): ExportedLink | null {
  const pattern =
    /^\{"place":(\d+),"previous":"([0-9a-f]{64})","hash":"([0-9a-f]{64})","entry":(\{.*\})\}$/s;
  const [, place, previous = '', hash = '', entry = ''] = pattern.exec(line) ?? [];
  return place === undefined ? null : { place: Number(place), previous, hash, entry };
}

function removed({ id }: ChainLink): AuditError {
  return new AuditError(`entry ${id} was removed`);
}

function gapAt(place: number): string {
  return place === 0
    ? 'the first entries were removed'
    : `entries after the ${place}th were removed, with their hashes`;
}
