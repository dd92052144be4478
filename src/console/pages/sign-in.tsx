import { useEffect, useState } from 'preact/hooks';
import { ApiError, call } from '../lib/api.js';
import { continueSession, signIn } from '../lib/begin.js';
import { signInNote } from '../lib/session.js';
import { t } from '../lib/words.js';
import { Dialog } from '../parts/dialog.js';
import { TextField } from '../parts/fields/field.js';

/** The page for those who are not signed in. */
export function SignIn() {
  useEffect(() => {
    document.title = `${t('Sign in')} · llmproxy`;
  }, []);
  return (
    <div class="sign-in">
      <main>
        <div class="brand">
          <img src="console/icon.svg" alt="" />
          llmproxy
        </div>
        <div class="panel stack">
          <h1>{t('Sign in')}</h1>
          {signInNote.value && (
            <div class="banner warn" role="alert">
              {t(signInNote.value)}
            </div>
          )}
          <SignInForm />
        </div>
      </main>
    </div>
  );
}

/** Over the page of a session that has ended: what was typed there stays. */
export function SignInAgain() {
  useEffect(() => {
    // The person may have signed in elsewhere, as by the link that opens another tab.
    const look = () => void continueSession().catch(() => {});
    addEventListener('focus', look);
    return () => removeEventListener('focus', look);
  }, []);
  return (
    <Dialog title={t('Sign in')} onClose={null}>
      <div class="stack">
        <p>{t('Your session is over. Sign in again to continue where you were.')}</p>
        <SignInForm isAgain />
      </div>
    </Dialog>
  );
}

/** @param isAgain true where the page must not be left. */
function SignInForm({ isAgain = false }: { isAgain?: boolean }) {
  const [key, setKey] = useState('');
  const [wrong, setWrong] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [hasOidc, setOidc] = useState(false);
  useEffect(() => {
    call<{ oidc: boolean }>('sign-in').then(
      ({ oidc }) => setOidc(oidc),
      () => {},
    );
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setWrong(null);
    try {
      await signIn(key.trim());
    } catch (error) {
      setWrong(error instanceof ApiError ? error.message : String(error));
      setBusy(false);
    }
  };
  return (
    <>
      {hasOidc && (
        <>
          <a
            class="button primary"
            href="admin/v1/oidc"
            {...(isAgain ? { target: '_blank', rel: 'noreferrer' } : {})}
          >
            {t('Sign in with your organisation')}
          </a>
          <div class="or">{t('or')}</div>
        </>
      )}
      <form class="stack" onSubmit={submit}>
        <TextField
          label={t('Admin key')}
          type="password"
          value={key}
          onInput={setKey}
          wrong={wrong}
          isRequired
          hasFocus
          hint={
            <>
              {t('On the machine of the gateway, this prints a link that signs in:')}{' '}
              <code>llmproxy console</code>
            </>
          }
        />
        <button type="submit" class={hasOidc ? '' : 'primary'} disabled={isBusy}>
          {t('Sign in')}
        </button>
      </form>
    </>
  );
}
