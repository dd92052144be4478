import type { Guardrail } from '../../config/rows/guardrail.js';
import type { Caller, Policy } from '../policy.js';
import { compiledGuardrail } from './compiled-guardrail.js';
import { GuardRun } from './guard-run.js';

/** Compiles guardrails into one policy per key and model; null if there are none. */
export function compileGuardrails(rows: readonly Guardrail[] = []) {
  const all = rows.filter(({ is_enabled }) => is_enabled).map(compiledGuardrail);
  if (all.length === 0) return null;
  return {
    of(caller: Caller, model: string): { policy: Policy; configured: unknown } | null {
      const own = all.filter((each) => each.matches(caller, model));
      if (own.length === 0) return null;
      const policy: Policy = {
        name: 'guardrails',
        needs: 'hold',
        open: (call) => new GuardRun(call, own),
      };
      return { policy, configured: own.map(({ row }) => row) };
    },
  };
}
