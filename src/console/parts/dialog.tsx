import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { ApiError } from '../lib/api.js';
import { t } from '../lib/words.js';
import { Failure } from './state.js';

interface DialogProps {
  title: string;
  /** Null: it stays until it is no longer drawn. */
  onClose: (() => void) | null;
  isWide?: boolean;
  children: ComponentChildren;
}

/** A modal dialog. The browser keeps the focus in it and closes it on Escape. */
export function Dialog({ title, onClose, isWide = false, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    // Not the button that closes it. On touch screens a field would bring up the keyboard, over the form.
    if (matchMedia('(hover: hover)').matches) {
      ref.current
        ?.querySelector<HTMLElement>('.body :is(button, input, select, textarea)')
        ?.focus();
    }
    // Browsers close all dialogs at once that nobody has asked for.
    const stay = (event: KeyboardEvent) => event.key === 'Escape' && event.preventDefault();
    if (!onClose) addEventListener('keydown', stay, true);
    return () => {
      removeEventListener('keydown', stay, true);
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={isWide ? 'wide' : ''}
      aria-labelledby={id}
      onClose={onClose ?? undefined}
    >
      <header>
        <h2 id={id}>{title}</h2>
        {onClose && (
          <button type="button" class="quiet" aria-label={t('Close')} onClick={onClose}>
            ✕
          </button>
        )}
      </header>
      <div class="body">{children}</div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  children: ComponentChildren;
  confirm: string;
  isDangerous?: boolean;
  isBusy?: boolean;
  error?: ApiError | null;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before an action that is hard to undo. */
export function Confirm(props: ConfirmProps) {
  const { title, children, confirm, isDangerous = true, isBusy, error, onConfirm, onClose } = props;
  return (
    <Dialog title={title} onClose={onClose ?? undefined}>
      <div class="stack">
        <div>{children}</div>
        {error && <Failure error={error} />}
        <div class="line end">
          <button type="button" onClick={onClose}>
            {t('Cancel')}
          </button>
          <button
            type="button"
            class={isDangerous ? 'primary danger' : 'primary'}
            disabled={isBusy === true}
            onClick={onConfirm}
          >
            {confirm}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
