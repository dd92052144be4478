import { createHmac, timingSafeEqual } from 'node:crypto';
import { conversationDialects, type ProviderDialect, type Seal } from '../conversation.js';

/**
 * A seal in a wrapper, for a client of another dialect to bring back. The wrapper is base64, since
 * some slots are bytes: a prefix that is the same in each, an HMAC-SHA256 cut to 18 bytes, and what
 * is wrapped as JSON. It names the provider, so that the next turn can go where this one was made.
 */
const prefix = 'llmproxy';
const macBytes = 18;
const macEnd = prefix.length + (macBytes / 3) * 4;

export interface WrappedSeal {
  seal: Seal & { provider: string };
  /** The text that the seal was made with, where the client's slot has no place for it. */
  text: string;
}

/** @param key secret of the gateway, the same in all of its processes. */
export function wrapSeal({ seal, text }: WrappedSeal, key: Buffer): string {
  const { dialect, provider, slot, id, data } = seal;
  const payload = Buffer.from(JSON.stringify([dialect, provider, slot, id, data, text]));
  return prefix + mac(payload, key).toString('base64') + payload.toString('base64');
}

/** Null for text that this gateway did not wrap. */
export function unwrapSeal(wrapper: string, key: Buffer): WrappedSeal | null {
  if (!wrapper.startsWith(prefix) || wrapper.length <= macEnd) return null;
  const given = Buffer.from(wrapper.slice(prefix.length, macEnd), 'base64');
  const payload = Buffer.from(wrapper.slice(macEnd), 'base64');
  if (given.length !== macBytes || !timingSafeEqual(given, mac(payload, key))) return null;
  // The signature proves that the payload is our own JSON.
  const [dialect, provider, slot, id, data, text] = JSON.parse(payload.toString('utf8'));
  return { seal: { dialect, provider, slot, id, data }, text };
}

function mac(payload: Buffer, key: Buffer): Buffer {
  return createHmac('sha256', key).update(payload).digest().subarray(0, macBytes);
}

export interface Affinity {
  dialect: ProviderDialect;
  provider: string;
}

/** Limits the work that a body full of forged wrappers can cause. */
const maxTries = 4;

/** The provider that made the last sealed reasoning of a body; null where there is none. */
export function affinityOf(body: Buffer, key: Buffer): Affinity | null {
  let from = body.length;
  for (let tries = 0; tries < maxTries; tries++) {
    const at = body.lastIndexOf(`"${prefix}`, from);
    if (at < 0) return null;
    const end = body.indexOf(0x22, at + 1);
    const found = end < 0 ? null : unwrapSeal(body.toString('latin1', at + 1, end), key);
    if (found && (conversationDialects as readonly string[]).includes(found.seal.dialect)) {
      return { dialect: found.seal.dialect, provider: found.seal.provider };
    }
    if (at === 0) return null;
    from = at - 1;
  }
  return null;
}
