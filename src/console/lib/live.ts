import { useEffect, useRef, useState } from 'preact/hooks';
import { withQuery } from './api.js';
import { connection, isOver } from './session.js';

export type LiveState = 'connecting' | 'live' | 'paused' | 'lost';

/**
 * Follows `admin/v1/events`. The browser reconnects by itself; nothing is followed while the page is
 * hidden.
 * @param query parameters of the stream; null follows nothing.
 */
export function useLive(
  query: Readonly<Record<string, string | number | boolean | null>> | null,
  onEvent: (event: string, data: unknown) => void,
): LiveState {
  const [state, setState] = useState<LiveState>('connecting');
  const callback = useRef(onEvent);
  callback.current = onEvent;
  const url = isOver.value || !query ? null : withQuery('admin/v1/events', query);

  useEffect(() => {
    if (url === null) {
      setState('paused');
      return;
    }
    let source: EventSource | null = null;
    const open = () => {
      source = new EventSource(url);
      source.onopen = () => {
        connection.value = 'good';
        setState('live');
      };
      source.onerror = () =>
        setState(source?.readyState === EventSource.CLOSED ? 'lost' : 'connecting');
      for (const name of ['request', 'status', 'skipped']) {
        source.addEventListener(name, (event) => callback.current(name, JSON.parse(event.data)));
      }
    };
    const close = () => {
      source?.close();
      source = null;
    };
    const onVisible = () => {
      if (document.hidden) {
        close();
        setState('paused');
      } else if (!source || source.readyState === EventSource.CLOSED) open();
    };
    // A stream that the server refused is closed for good: try again, as after a restart.
    const retry = setInterval(() => {
      if (!document.hidden && source?.readyState === EventSource.CLOSED) open();
    }, 3_000);
    document.addEventListener('visibilitychange', onVisible);
    onVisible();
    return () => {
      clearInterval(retry);
      document.removeEventListener('visibilitychange', onVisible);
      close();
    };
  }, [url]);

  return state;
}
