import { createHash } from 'node:crypto';
import type { RenamedTool } from '../codec.js';
import type { Tool } from '../conversation.js';

/** Tool names accepted by the dialects. */
export const dashedNames = /^[a-zA-Z0-9_-]{1,64}$/;
export const geminiNames = /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$/;

/** The tools of a request that have another name or form at its target. */
export class RenamedTools {
  map: Map<string, RenamedTool> | null = null;

  add(targetName: string, tool: RenamedTool): void {
    this.map ??= new Map();
    this.map.set(targetName, tool);
  }

  /** The target's name of a tool, kept where it differs from the client's. */
  declare(
    tool: { name: string; namespace: string | null; type: 'function' | 'custom' },
    names: RegExp,
    asFunction: boolean,
  ): string {
    const { name, namespace } = tool;
    const targetName = targetToolName(tool, names);
    const custom = tool.type === 'custom';
    if (targetName !== name || (custom && asFunction)) {
      this.add(targetName, { name, namespace, kind: custom ? 'custom' : 'function' });
    }
    return targetName;
  }
}

/** The same for the same tool, in its declaration and in later calls. */
export function targetToolName(
  { name, namespace }: { name: string; namespace: string | null },
  names: RegExp,
): string {
  const whole = namespace === null ? name : `${namespace}__${name}`;
  if (names.test(whole)) return whole;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, 8);
  return `${whole
    .replace(/[^a-zA-Z0-9_-]/g, '_')
    .replace(/^[^a-zA-Z_]/, '_')
    .slice(0, 54)}_${hash}`;
}

/** The target's name of a tool that a choice names. */
export function chosenToolName(name: string, tools: readonly Tool[], names: RegExp): string {
  const tool = tools.find((one) => one.type !== 'unknown' && one.name === name);
  const namespace = tool && tool.type !== 'unknown' ? tool.namespace : null;
  return targetToolName({ name, namespace }, names);
}

/** The only argument of a function that replaces a plain-text tool. */
export const customToolSchema = {
  type: 'object',
  properties: { input: { type: 'string' } },
  required: ['input'],
};
