import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import type { CommandText } from '../lib/command-text.js';
import { visible } from '../lib/visible.js';
import { CommandButton } from './command.js';

interface PageProps {
  title: string;
  /** The same as commands. */
  command?: CommandText | null;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** A page: its title, actions and panels. */
export function Page({ title, command = null, actions, children }: PageProps) {
  useEffect(() => {
    document.title = visible(`${title} · llmproxy`);
  }, [title]);
  return (
    <>
      <div class="page-head">
        <h1>{title}</h1>
        <div class="actions">
          {command && <CommandButton command={command} />}
          {actions}
        </div>
      </div>
      {children}
    </>
  );
}

interface PanelProps {
  title?: string;
  actions?: ComponentChildren;
  /** True if older data is shown because newer data could not be loaded. */
  isStale?: boolean;
  children: ComponentChildren;
}

export function Panel({ title, actions, isStale = false, children }: PanelProps) {
  return (
    <section class={isStale ? 'panel stale' : 'panel'} aria-label={title}>
      {title && (
        <header>
          <h2>{title}</h2>
          {actions && <div class="line">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

export interface StatProps {
  label: string;
  value: string;
  unit?: string | undefined;
  isBad?: boolean;
  /** Address of the list of what is counted. */
  link?: string;
}

/** One number in a row of numbers. */
export function Stat({ label, value, unit, isBad = false, link }: StatProps) {
  return (
    <div>
      <div class="label">{label}</div>
      <div class={isBad ? 'value bad' : 'value'}>
        {link ? <a href={link}>{value}</a> : value}
        {unit && <span class="unit">{unit}</span>}
      </div>
    </div>
  );
}

/** A share as a bar and a number. */
export function Bar({ share, text, tone = '' }: { share: number; text: string; tone?: string }) {
  const value = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0));
  return (
    <span class={`bar ${tone}`}>
      <progress max={1} value={value} aria-label={text} />
      {text}
    </span>
  );
}
