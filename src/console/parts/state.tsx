import type { ComponentChildren } from 'preact';

interface EmptyProps {
  title: string;
  children?: ComponentChildren;
  actions?: ComponentChildren;
}

/** The place of data that is not there yet: says what would be here, and what to do. */
export function Empty({ title, children, actions }: EmptyProps) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {actions && <div class="line">{actions}</div>}
    </div>
  );
}
