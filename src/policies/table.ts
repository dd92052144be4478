import { createHash } from 'node:crypto';
import type { Configuration } from '../config/configuration.js';
import { compileGuardrails } from './guardrails/compile.js';
import type { Caller, Policy } from './policy.js';

/** The parts of a configuration that define policies. */
export type PolicyRows = Pick<Configuration, 'guardrails'>;

/** The policies for requests of one key and model, in order. */
export interface Policies {
  readonly all: readonly Policy[];
  /** Equal for equal policies: a digest of their configuration. */
  readonly digest: string;
}

/** One kind of policies, compiled. */
export interface PolicySource {
  /** Null where none of this kind is for these requests. @param model empty: unknown. */
  of(caller: Caller, model: string): { policy: Policy; configured: unknown } | null;
}

/** In order: policies that may refuse come before those that may answer. */
const kinds: readonly ((rows: PolicyRows) => PolicySource | null)[] = [
  ({ guardrails }) => compileGuardrails(guardrails),
];

/** Clients choose model names, and must not be able to fill the memory with them. */
const maxRememberedModels = 1_000;

/** Finds the policies of requests, once for each key and model. */
export class PolicyTable {
  readonly #sources: readonly PolicySource[];
  readonly #found = new WeakMap<Caller, Map<string, Policies | null>>();

  constructor(sources: readonly PolicySource[]) {
    this.#sources = sources;
  }

  /** Null where there are none. @param model as it is meant. */
  of(caller: Caller, model: string): Policies | null {
    let ofCaller = this.#found.get(caller);
    if (!ofCaller) {
      ofCaller = new Map();
      this.#found.set(caller, ofCaller);
    }
    let policies = ofCaller.get(model);
    if (policies === undefined) {
      policies = this.#compile(caller, model);
      if (ofCaller.size >= maxRememberedModels) ofCaller.clear();
      ofCaller.set(model, policies);
    }
    return policies;
  }

  #compile(caller: Caller, model: string): Policies | null {
    const found = this.#sources.flatMap((source) => source.of(caller, model) ?? []);
    if (found.length === 0) return null;
    const configured = JSON.stringify(found.map(({ configured }) => configured));
    return Object.freeze({
      all: Object.freeze(found.map(({ policy }) => policy)),
      digest: createHash('sha256').update(configured).digest('base64url'),
    });
  }
}

/** Null if no policy is configured, so that nothing is looked up. */
export function compilePolicies(rows: PolicyRows): PolicyTable | null {
  const sources = kinds.flatMap((compile) => compile(rows) ?? []);
  return sources.length === 0 ? null : new PolicyTable(sources);
}
