import { useCallback, useEffect, useState } from 'preact/hooks';
import { type ApiError, call, type Json } from './api.js';
import { connection, isOver } from './session.js';

/** Pause before an answer of 500 or more is asked for again. */
const retryMs = 2_000;

/** Data of the admin API, and its loading state. */
export interface Loading<T> {
  /** The last answer, also while a newer one is on its way or has failed. */
  data: Json<T> | null;
  /** True while the data belongs to an earlier path. */
  isOld: boolean;
  error: ApiError | null;
  isLoading: boolean;
  reload(): void;
}

/**
 * The one way to load data for a page.
 * @param path below `admin/v1/`; null loads nothing.
 * @param everyMs interval of reloading, while the page is visible.
 */
export function useLoad<T>(path: string | null, everyMs = 0): Loading<T> {
  const [state, setState] = useState<{ path: string | null; data: Json<T> | null }>({
    path: null,
    data: null,
  });
  const [error, setError] = useState<ApiError | null>(null);
  const [isLoading, setLoading] = useState(path !== null);
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((count) => count + 1), []);
  // After an ended session everything loads again as soon as somebody has signed in.
  const asked = isOver.value ? null : path;

  useEffect(() => {
    if (asked === null) return;
    const left = new AbortController();
    setLoading(true);
    call<T>(asked, { signal: left.signal }).then(
      (data) => {
        setState({ path: asked, data });
        setError(null);
        setLoading(false);
      },
      (failure) => {
        if (left.signal.aborted) return;
        setError(failure);
        setLoading(false);
      },
    );
    return () => left.abort();
  }, [asked, turn]);

  useEffect(() => {
    // A slow answer is waited for, not asked for again.
    if (everyMs === 0 || asked === null || isLoading) return;
    const timer = setInterval(() => document.hidden || reload(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, asked === null, isLoading, reload]);

  // Comes back by itself once the gateway answers again.
  const isLost = connection.value === 'lost';
  useEffect(() => {
    if (!isLost) if (error?.status === 0) reload();
  }, [isLost]);

  // A server that cannot answer now is asked again until it can.
  useEffect(() => {
    if (!error || error.status < 500) return;
    const timer = setTimeout(reload, retryMs);
    return () => clearTimeout(timer);
  }, [error, reload]);

  const isOld = state.path !== path;
  return { data: state.path === null ? null : state.data, isOld, error, isLoading, reload };
}
