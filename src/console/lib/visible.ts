import { options, type VNode } from 'preact';

/**
 * Characters that are invisible or change how others are shown, as terminals get them escaped
 * (`observe/visible.ts`); but not the ends of lines, tabs, and the joints within an emoji.
 */
const invisible =
  /(?![\t\n\r]|(?<=\p{Emoji})\ufe0f|(?<=\p{ExtPict}\ufe0f?)\u200d(?=\p{ExtPict}))[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Attributes that people read or hear. */
const shownAttributes = ['title', 'aria-label', 'aria-valuetext', 'placeholder'];

/** Escapes characters without which two names would look alike, or one like another: `\u202e`. */
export function visible(text: string): string {
  return text.replace(invisible, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

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
