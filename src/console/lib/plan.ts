import { useRef, useState } from 'preact/hooks';
import type { Plan } from './answers.js';
import { type ApiError, apiErrorOf, call } from './api.js';

/** Plans a change of the configuration on request. */
export interface Planning {
  plan: Plan | null;
  error: ApiError | null;
  isBusy: boolean;
  make(): Promise<void>;
  clear(): void;
}

/**
 * Plans a change. Plan and error belong to exactly this change: an answer for an earlier one is
 * never shown or applied with a later one.
 * @param change the body for `config/plan`.
 */
export function usePlan(change: object): Planning {
  const text = JSON.stringify(change);
  const [made, setMade] = useState<{ text: string } & Pick<Planning, 'plan' | 'error'>>();
  const latest = useRef<string | null>(null);
  const current = made?.text === text ? made : null;
  const { plan = null, error = null } = current ?? {};
  return {
    plan,
    error,
    isBusy: current !== null && plan === null && error === null,
    async make() {
      latest.current = text;
      setMade({ text, plan: null, error: null });
      const answer = await call<Plan>('config/plan', { method: 'POST', body: change }).then(
        (plan) => ({ plan, error: null }),
        (failure) => ({ plan: null, error: apiErrorOf(failure) }),
      );
      if (latest.current === text) setMade({ text, ...answer });
    },
    clear() {
      latest.current = null;
      setMade(undefined);
    },
  };
}
