import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

interface PageProps {
  title: string;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** A page: its title, what can be done on it, and its panels. */
export function Page({ title, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · llmproxy`;
  }, [title]);
  return (
    <>
      <div class="page-head">
        <h1>{title}</h1>
        <div class="actions">{actions}</div>
      </div>
      {children}
    </>
  );
}
