// A picture that a run makes when it is first looked at, and that is kept for when it is looked at again.
import { useEffect, useRef, useState } from 'react';
import * as api from './api';
import { useRun } from './following';

export interface Made {
  file: api.Picture | null;
  isMaking: boolean;
  problem: string | null;
}

/** The first result of the run that belongs to a key; null asks for nothing. */
export function useMade(key: string | null, begin: () => Promise<api.Run>): Made {
  const made = useRef(new Map<string, string>()); // runs, by key
  const latest = useRef(begin);
  latest.current = begin;
  const [shown, setShown] = useState<{ key: string; run: string } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    setProblem(null);
    if (!key) return;
    const known = made.current.get(key);
    if (known) {
      setShown({ key, run: known });
      return;
    }
    let isOver = false;
    latest.current().then(
      (run) => {
        made.current.set(key, run.id);
        if (!isOver) setShown({ key, run: run.id });
      },
      (error) => !isOver && setProblem(api.messageOf(error)),
    );
    return () => {
      isOver = true;
    };
  }, [key]);

  const { run } = useRun(shown?.key === key ? (shown?.run ?? null) : null);
  const isOwn = run !== null && shown?.key === key && run.id === shown?.run;
  const file = isOwn && run.status === 'done' ? (run.results[0] ?? null) : null;
  const failed = isOwn && api.ENDED.includes(run.status) && !file ? (run.reason ?? run.status) : null;
  return { file, isMaking: key !== null && !file && !failed && !problem, problem: problem ?? failed };
}
