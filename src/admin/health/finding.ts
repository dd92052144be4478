/** The result of one check of `llmproxy doctor`. */
export interface Finding {
  check: string;
  /** `warn`: it works, but badly, or not for long. */
  state: 'ok' | 'warn' | 'fail';
  detail: string;
  /** Advice, or null. */
  todo: string | null;
}

/** The answer of `llmproxy doctor --json`. */
export interface DoctorReport {
  /** False where a check fails. */
  ok: boolean;
  checks: Finding[];
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
