import { options, type VNode } from 'preact';
import { visible } from './visible.js';

/** Attributes that people read or hear. */
const shownAttributes = ['title', 'aria-label', 'aria-valuetext', 'placeholder'];

/**
 * Shows all texts of all elements with `visible`. Exempt are `<bdi>`, for prose of people and models, which
 * the browser isolates, and what is typed.
 */
export function showVisibly(): void {
  const before = options.vnode;
  options.vnode = (vnode) => {
    if (typeof vnode.type === 'string' && vnode.type !== 'bdi') showElement(vnode.props);
    before?.(vnode);
  };
}

function showElement(props: VNode<object>['props']): void {
  const all = props as Record<string, unknown>;
  if (all.children !== undefined) all.children = shown(all.children);
  for (const name of shownAttributes) {
    if (typeof all[name] === 'string') all[name] = visible(all[name]);
  }
}

function shown(child: unknown): unknown {
  if (typeof child === 'string') return visible(child);
  return Array.isArray(child) ? child.map(shown) : child;
}
