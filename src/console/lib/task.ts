import { useState } from 'preact/hooks';
import { type ApiError, apiErrorOf } from './api.js';
import { isOver } from './session.js';

/** A change under way. */
export interface Task {
  isBusy: boolean;
  error: ApiError | null;
  /** Runs the work; true where it succeeded. */
  run(work: () => Promise<unknown>): Promise<boolean>;
}

/** The one way to change something: one change at a time, with its error. */
export function useTask(): Task {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const run = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
      return true;
    } catch (failure) {
      // The sign-in page reports an ended session.
      if (!isOver.value) setError(apiErrorOf(failure));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, error, run };
}
