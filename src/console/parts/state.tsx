import type { ComponentChildren } from 'preact';
import type { ApiError, Json } from '../lib/api.js';
import type { Loading } from '../lib/load.js';
import { t } from '../lib/words.js';

export type Tone = 'good' | 'warn' | 'bad' | 'plain';

/** A state with its colour and shape. */
export function State({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`state ${tone}`}>{children}</span>;
}

export function Tag({ tone = 'plain', children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={`tag ${tone}`}>{children}</span>;
}

interface EmptyProps {
  title: string;
  children?: ComponentChildren;
  actions?: ComponentChildren;
}

/** Placeholder for missing data: says what would be here, and what to do. */
export function Empty({ title, children, actions }: EmptyProps) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {actions && <div class="line">{actions}</div>}
    </div>
  );
}

export function Skeleton({ lines = 6 }: { lines?: number }) {
  return (
    <div class="skeleton" role="status">
      <span class="hidden-text">{t('Loading')}</span>
      {Array.from({ length: lines }, (_, line) => (
        <i key={line} />
      ))}
    </div>
  );
}

interface FailureProps {
  error: ApiError;
  retry?: () => void;
  /** A way on from here. */
  children?: ComponentChildren;
}

export function Failure({ error, retry, children }: FailureProps) {
  return (
    <div class="banner bad" role="alert">
      <span>{error.message}</span>
      {children}
      {retry && (
        <button type="button" onClick={retry}>
          {t('Try again')}
        </button>
      )}
    </div>
  );
}

interface LoadedProps<T> {
  of: Loading<T>;
  lines?: number;
  children: (data: Json<T>) => ComponentChildren;
}

/** The one way to show loaded data: skeleton, error, or data, with an error above older data. */
export function Loaded<T>({ of, lines = 6, children }: LoadedProps<T>) {
  const { data, isOld, error, reload } = of;
  if (data === null) {
    return error && error.status !== 0 ? (
      <div class="body">
        <Failure error={error} retry={reload} />
      </div>
    ) : (
      <Skeleton lines={lines} />
    );
  }
  return (
    <div class={isOld ? 'loaded stale' : 'loaded'} aria-busy={isOld}>
      {error && error.status !== 0 && (
        <div class="body">
          <Failure error={error} retry={reload} />
        </div>
      )}
      {children(data)}
    </div>
  );
}
