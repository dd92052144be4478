import { useEffect, useRef, useState } from 'preact/hooks';
import { ask } from './lib/api.js';
import { signOut } from './lib/begin.js';
import { timeZone } from './lib/format.js';
import { linkTo, route } from './lib/route.js';
import { connection, isOver, session } from './lib/session.js';
import { setTheme, type Theme, theme } from './lib/theme.js';
import { type Language, language, setLanguage, t } from './lib/words.js';
import { GoTo } from './pages/go-to.js';
import { isShown, pageGroups, pageOf, pages } from './pages/index.js';
import { SignIn, SignInAgain } from './pages/sign-in.js';
import { Page } from './parts/panel.js';
import { Toasts } from './parts/toast.js';

export function App() {
  if (!session.value) return <SignIn />;
  const { actor, role, team } = session.value;
  return (
    <>
      <Shell key={`${actor} ${role} ${team}`} />
      {isOver.value && <SignInAgain />}
    </>
  );
}

function Shell() {
  const [isOpen, setOpen] = useState(false);
  const [isGoing, setGoing] = useState(false);
  const { page, item } = route.value;
  const main = useRef<HTMLElement>(null);
  const menu = useRef<HTMLButtonElement>(null);
  const name = pageOf(page);
  const Shown = name && pages[name];
  useEffect(() => {
    setOpen(false);
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [page, item]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      if (!document.querySelector('dialog[open]')) setGoing(true);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  const closeByKey = ({ key }: KeyboardEvent) => {
    if (key !== 'Escape' || !isOpen) return;
    setOpen(false);
    menu.current?.focus();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the menu wherever the focus is
    <div class="shell" onKeyDown={closeByKey}>
      <header class="topbar">
        <Brand />
        <button ref={menu} type="button" aria-expanded={isOpen} onClick={() => setOpen(true)}>
          {t('Menu')}
        </button>
      </header>
      {isOpen && (
        <button
          type="button"
          class="scrim"
          aria-label={t('Close')}
          onClick={() => setOpen(false)}
        />
      )}
      <Side isOpen={isOpen} page={name ?? page} onGo={() => setGoing(true)} />
      <main ref={main} tabIndex={-1}>
        <Lost />
        {Shown ? (
          <Shown key={page} />
        ) : (
          <Page title={t('There is no such page')}>
            <a href={linkTo('overview')}>{t('Overview')}</a>
          </Page>
        )}
      </main>
      <Toasts />
      {isGoing && <GoTo onClose={() => setGoing(false)} />}
    </div>
  );
}

function Brand() {
  return (
    <a class="brand" href={linkTo('overview')}>
      <img src="console/icon.svg" alt="" />
      llmproxy
    </a>
  );
}

interface SideProps {
  isOpen: boolean;
  page: string;
  onGo: () => void;
}

function Side({ isOpen, page, onGo }: SideProps) {
  const { name, offset } = timeZone();
  const who = session.value;
  const aside = useRef<HTMLElement>(null);
  useEffect(() => {
    if (isOpen) aside.current?.querySelector<HTMLElement>('nav a')?.focus();
  }, [isOpen]);
  return (
    <aside ref={aside} class={isOpen ? 'side open' : 'side'}>
      <Brand />
      <button type="button" class="go" onClick={onGo}>
        {t('Go to')}
        <kbd>{/Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘K' : 'Ctrl K'}</kbd>
      </button>
      <nav aria-label={t('Pages')}>
        {pageGroups.map(({ title, names }) => {
          const shown = names.filter(([each]) => isShown(each));
          if (shown.length === 0) return null;
          return (
            <div key={title}>
              {title && <div class="group">{t(title)}</div>}
              {shown.map(([each, text]) => (
                <a key={each} href={linkTo(each)} aria-current={each === page ? 'page' : undefined}>
                  {t(text)}
                </a>
              ))}
            </div>
          );
        })}
      </nav>
      <div class="foot">
        <div class="line">
          <select
            aria-label={t('Language')}
            value={language.value}
            onChange={(event) => void setLanguage(event.currentTarget.value as Language)}
          >
            <option value="en">English</option>
            <option value="zh">中文</option>
          </select>
          <select
            aria-label={t('Appearance')}
            value={theme.value}
            onChange={(event) => setTheme(event.currentTarget.value as Theme)}
          >
            <option value="system">{t('System')}</option>
            <option value="light">{t('Light')}</option>
            <option value="dark">{t('Dark')}</option>
          </select>
        </div>
        <div>{t('Times: {zone}', { zone: `${name} (${offset})` })}</div>
        <div>
          <div class="person">{who?.actor}</div>
          <div>{who?.team != null ? t('Team {name}', { name: who.team }) : t(who?.role ?? '')}</div>
        </div>
        <div class="line">
          <button type="button" class="link" onClick={() => void signOut(false)}>
            {t('Sign out')}
          </button>
          <button type="button" class="link" onClick={() => void signOut(true)}>
            {t('Sign out everywhere')}
          </button>
        </div>
      </div>
    </aside>
  );
}

/** Shows that the gateway is away, and retries until it is back. */
function Lost() {
  const isLost = connection.value === 'lost';
  useEffect(() => {
    if (!isLost) return;
    const timer = setInterval(() => void ask('sign-in').catch(() => {}), 2_000);
    return () => clearInterval(timer);
  }, [isLost]);
  if (!isLost) return null;
  return (
    <div class="banner warn" role="alert">
      {t('The gateway does not answer. What you see may be out of date; trying again…')}
    </div>
  );
}
