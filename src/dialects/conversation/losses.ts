import type { Loss } from '../codec.js';
import type {
  Block,
  ConversationDialect,
  ConversationRequest,
  CustomTool,
  JsonObject,
  Message,
  Tool,
  ToolChoice,
  UnknownField,
  UnknownTool,
} from '../conversation.js';

/** Collects what a target cannot express. Fields are named as in the neutral form. */
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

  /** Fields of the request that the target lacks. */
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

  /** A block that the target cannot express. */
  dropBlock(message: Message, block: Block): void {
    const name = block.type === 'unknown' ? block.name : block.type;
    this.drop(message.at, `holds a block '${name}' that has no counterpart`);
  }

  /** A tool that only its own dialect can write; elsewhere null, and reported as a loss. */
  unknownTool(tool: UnknownTool, index: number, dialect: ConversationDialect): JsonObject | null {
    if (tool.dialect === dialect) return tool.raw as JsonObject;
    this.drop(`tools[${index}]`, `is of the kind '${tool.name}', which has no counterpart`);
    return null;
  }

  /** A tool that takes plain text, as a function with one argument. */
  customAsFunction(tool: CustomTool, index: number): void {
    const reason = tool.grammar ? 'its grammar is not enforced' : 'takes its text as an argument';
    this.approximate(`tools[${index}]`, reason);
  }

  /**
   * True if a choice allows a tool. Targets that cannot name several tools get only the allowed
   * ones.
   */
  allowedOnly(choice: ToolChoice | null): (tool: Tool) => boolean {
    if (choice?.type !== 'allowed') return () => true;
    this.approximate('toolChoice', 'only the allowed tools are sent');
    const names = new Set(choice.names);
    return (tool) => tool.type === 'unknown' || names.has(tool.name);
  }

  /**
   * A system message within the conversation, for a target that has none there.
   * @returns its label.
   */
  systemInMiddle(message: Message): string {
    this.approximate(message.at, 'is a system message in the middle, sent as labelled text');
    return '[System message]';
  }

  cacheMark(at: string): void {
    this.drop(
      `${at}.cache_control`,
      'marks a prefix to be cached, which the target does by itself or not at all',
    );
  }

  /** A number outside of the target's range. */
  clamp(field: string, value: number, least: number, most: number): number {
    if (value >= least && value <= most) return value;
    this.approximate(field, `is outside of ${least} to ${most}`);
    return Math.min(most, Math.max(least, value));
  }
}

/** Collects fields of a part of a request that the neutral form lacks, to report them. */
export function keepUnknown(
  from: JsonObject,
  known: ReadonlySet<string>,
  at: string,
  dialect: ConversationDialect,
  unknown: UnknownField[],
): void {
  for (const key in from) {
    const value = from[key];
    // Absent, null and false have no effect.
    if (known.has(key) || value === null || value === false) continue;
    unknown.push({ dialect, field: `${at}.${key}`, value, essential: false });
  }
}
