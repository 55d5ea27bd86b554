import { Component, type ReactNode, useCallback, useEffect, useState } from 'react';
import { Alert } from './alert';
import * as api from './api';
import { Enlarge } from './enlarge';
import { History } from './history';
import { Icon } from './icons';
import { PairPage, WORKFLOW } from './pair';
import { type Language, Spoken, useWords, WORDS } from './words';

type Place = { page: 'enlarge' | 'pair'; run: string | null } | { page: 'history' };

/** Where the address says that we are: #/history, #/pair, #/pair/ID, #/run/ID, or the beginning. */
function placeOf(hash: string): Place {
  if (hash === '#/history') return { page: 'history' };
  const found = /^#\/(run|pair)(?:\/([0-9a-f]{32}))?$/.exec(hash);
  return { page: found?.[1] === 'pair' ? 'pair' : 'enlarge', run: found?.[2] ?? null };
}

export function App() {
  const [language, setLanguage] = useKept<Language>(
    'language',
    navigator.language.startsWith('ko') ? 'ko' : 'en',
  );
  const [theme, setTheme] = useKept<'light' | 'dark' | ''>('theme', '');
  const [place, setPlace] = useState(placeOf(location.hash));
  const [about, setAbout] = useState<api.About | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const words = WORDS[language];

  useEffect(() => {
    const moved = () => setPlace(placeOf(location.hash));
    addEventListener('hashchange', moved);
    return () => removeEventListener('hashchange', moved);
  }, []);
  useEffect(() => {
    api.about().then(setAbout, (error) => setProblem(api.messageOf(error)));
  }, []);
  useEffect(() => {
    document.documentElement.lang = language;
    document.documentElement.dataset.theme = theme;
  }, [language, theme]);

  const isDark = theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  const showRun = useCallback((id: string | null) => {
    location.hash = id === null ? '#/' : `#/run/${id}`;
  }, []);

  const showPair = useCallback((id: string | null) => {
    location.hash = id === null ? '#/pair' : `#/pair/${id}`;
  }, []);
  const open = (run: api.Run) => (run.document?.name === WORKFLOW ? showPair : showRun)(run.id);

  return (
    <Spoken value={language}>
      <button type="button" className="skip" onClick={() => document.getElementById('main')?.focus()}>
        {words.skip}
      </button>
      <header>
        <a className="brand" href="#/">
          <img src="/icon.svg" alt="" width="24" height="24" /> anyres
        </a>
        <span className="tagline">{words.tagline}</span>
        <nav>
          <a href="#/" aria-current={place.page === 'enlarge' ? 'page' : undefined}>
            {words.enlarge}
          </a>
          <a href="#/pair" aria-current={place.page === 'pair' ? 'page' : undefined}>
            {words.pairShort}
          </a>
          <a href="#/history" aria-current={place.page === 'history' ? 'page' : undefined}>
            {words.history}
          </a>
        </nav>
        <button
          type="button"
          className="plain"
          lang={language === 'en' ? 'ko' : 'en'}
          onClick={() => setLanguage(language === 'en' ? 'ko' : 'en')}
        >
          {words.language}
        </button>
        <button
          type="button"
          className="plain"
          onClick={() => setTheme(isDark ? 'light' : 'dark')}
          aria-label={words.theme}
          title={words.theme}
        >
          <Icon name={isDark ? 'sun' : 'moon'} />
        </button>
      </header>
      <Alert text={problem} />
      <Caught>
        {place.page === 'history' ? (
          <History open={open} />
        ) : place.page === 'pair' ? (
          about && <PairPage about={about} shown={place.run} show={showPair} />
        ) : (
          about && <Enlarge about={about} shown={place.run} show={showRun} />
        )}
      </Caught>
    </Spoken>
  );
}

/** A value that this browser keeps. */
function useKept<T extends string>(name: string, first: T): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => {
    try {
      return (localStorage.getItem(`anyres.${name}`) as T | null) ?? first;
    } catch {
      return first; // a browser that keeps nothing
    }
  });
  const keep = (next: T) => {
    setValue(next);
    try {
      localStorage.setItem(`anyres.${name}`, next);
    } catch {
      // as above
    }
  };
  return [value, keep];
}

/** A fault in one part says so, and leaves the rest. */
class Caught extends Component<{ children: ReactNode }, { has: boolean }> {
  override state = { has: false };
  static getDerivedStateFromError() {
    return { has: true };
  }
  override render() {
    return this.state.has ? <Failed /> : this.props.children;
  }
}

function Failed() {
  return <Alert text={useWords().failedHere} />;
}
