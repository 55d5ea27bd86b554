// A run as it goes on: the server's events, which resume after a broken connection.
import { useEffect, useState } from 'react';
import * as api from './api';

export interface Followed {
  run: api.Run | null;
  remaining: number | null; // seconds
  isLost: boolean; // no connection just now
  problem: string | null;
  refresh: () => void;
}

export function useRun(id: string | null): Followed {
  const [run, setRun] = useState<api.Run | null>(null);
  const [remaining, setRemaining] = useState<number | null>(null);
  const [isLost, setLost] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [round, setRound] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round looks again
  useEffect(() => {
    setRun(null);
    setRemaining(null);
    setProblem(null);
    setLost(false);
    if (id === null) return;
    let isOver = false;
    const look = async () => {
      try {
        const found = await api.run(id);
        if (!isOver) setRun(found);
      } catch (error) {
        if (!isOver) setProblem(api.messageOf(error));
      }
    };
    void look();
    const source = new EventSource(`/api/runs/${id}/events`);
    source.onopen = () => setLost(false);
    source.onerror = () => {
      setLost(source.readyState === EventSource.CONNECTING);
      if (source.readyState === EventSource.CLOSED) void look();
    };
    source.addEventListener('running', () => void look());
    source.addEventListener('progress', (event) => {
      const told = JSON.parse(event.data) as { fraction: number; remaining_s: number | null };
      setRemaining(told.remaining_s);
      setRun((before) => before && { ...before, fraction: told.fraction });
    });
    for (const kind of api.ENDED) {
      source.addEventListener(kind, () => {
        source.close();
        void look();
      });
    }
    return () => {
      isOver = true;
      source.close();
    };
  }, [id, round]);

  return { run, remaining, isLost, problem, refresh: () => setRound(round + 1) };
}
