/** What one check of `llmproxy doctor` found. */
export interface Finding {
  check: string;
  /** `warn`: it works, but not as well as it could, or not for long. */
  state: 'ok' | 'warn' | 'fail';
  detail: string;
  /** What to do; null where nothing is to be done. */
  todo: string | null;
}

export function ok(check: string, detail: string): Finding {
  return { check, state: 'ok', detail, todo: null };
}

export function warning(check: string, detail: string, todo: string): Finding {
  return { check, state: 'warn', detail, todo };
}

export function failed(check: string, detail: string, todo: string): Finding {
  return { check, state: 'fail', detail, todo };
}
