import type { Loss } from './codec.js';
import type { Block, ConversationDialect, ConversationRequest, Message } from './conversation.js';

/** Collects what a target cannot express. Fields of the request are named as in the neutral form. */
export class Losses {
  readonly list: Loss[] = [];

  drop(field: string, reason: string): void {
    this.list.push({ kind: 'dropped', field, reason });
  }

  approximate(field: string, reason: string): void {
    this.list.push({ kind: 'approximated', field, reason });
  }

  reject(field: string, reason: string): void {
    this.list.push({ kind: 'rejected', field, reason });
  }

  /** Fields of the request for which the target has no place. */
  dropFields(request: ConversationRequest, fields: readonly (keyof ConversationRequest)[]): void {
    for (const field of fields) {
      const value = request[field];
      if (value === null || (Array.isArray(value) && value.length === 0)) continue;
      this.drop(field, 'has no counterpart');
    }
  }

  /** Unknown fields: written back into their own dialect, else dropped. */
  unknownFields(
    request: ConversationRequest,
    dialect: ConversationDialect,
    body: Record<string, unknown>,
  ): void {
    for (const { dialect: from, field, value, essential } of request.unknown) {
      if (from === dialect && /^\w+$/.test(field)) body[field] = value;
      else if (essential) this.reject(field, 'has no counterpart, and cannot be left out');
      else this.drop(field, 'has no counterpart');
    }
  }

  /** A block that the target has no form for. */
  dropBlock(message: Message, block: Block): void {
    const name = block.type === 'unknown' ? block.name : block.type;
    this.drop(message.at, `holds a block '${name}' that has no counterpart`);
  }

  cacheMark(at: string): void {
    this.drop(at, 'marks a prefix to be cached, which the target does by itself or not at all');
  }

  /** A number outside of the target's range. */
  clamp(field: string, value: number, least: number, most: number): number {
    if (value >= least && value <= most) return value;
    this.approximate(field, `is outside of ${least} to ${most}`);
    return Math.min(most, Math.max(least, value));
  }
}
