// What a result is compared with: the same picture by a classic kernel or by other weights, made by a run.
import { useEffect, useRef, useState } from 'react';
import { Alert } from './alert';
import * as api from './api';
import { type Before, beforeName, comparison } from './enlarging';
import { useRun } from './following';
import { useWords } from './words';

export interface Compared {
  file: api.Picture | null;
  name: string;
  isMaking: boolean;
  problem: string | null;
}

/** The picture by another way at the size of the result, made when it is first looked at. */
export function useComparison(
  picture: api.Picture | null,
  result: api.Picture | null,
  before: Before,
): Compared {
  const words = useWords();
  const made = useRef(new Map<string, string>()); // runs, by what they compare
  const [shown, setShown] = useState<{ key: string; run: string } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const name = beforeName(before);
  const key = picture && result ? `${result.id} ${name}` : null;

  useEffect(() => {
    setProblem(null);
    if (!key || !picture || !result) return;
    const known = made.current.get(key);
    if (known) {
      setShown({ key, run: known });
      return;
    }
    let isOver = false;
    api.begin(comparison(result, before), picture).then(
      (run) => {
        made.current.set(key, run.id);
        if (!isOver) setShown({ key, run: run.id });
      },
      (error) => !isOver && setProblem(api.messageOf(error)),
    );
    return () => {
      isOver = true;
    };
  }, [key, picture, result, before]);

  const { run } = useRun(shown?.key === key ? (shown?.run ?? null) : null);
  const isOwn = run !== null && shown?.key === key && run.id === shown?.run;
  const file = isOwn && run.status === 'done' ? (run.results[0] ?? null) : null;
  const failed = isOwn && api.ENDED.includes(run.status) && !file ? (run.reason ?? run.status) : null;
  const label = 'kernel' in before ? words[before.kernel] : before.weights;
  return {
    file,
    name: label,
    isMaking: key !== null && !file && !failed && !problem,
    problem: problem ?? failed,
  };
}

interface Props {
  about: api.About;
  before: Before;
  setBefore: (before: Before) => void;
  compared: Compared;
  result: api.Picture;
}

export function Compare({ about, before, setBefore, compared }: Props) {
  const words = useWords();
  const ways: Before[] = [
    { kernel: 'bicubic' },
    { kernel: 'nearest' },
    { kernel: 'lanczos3' },
    ...about.weights.map((weights) => ({ weights })),
  ];
  return (
    <div className="compare">
      <label>
        {words.compare}{' '}
        <select
          value={beforeName(before)}
          onChange={(event) =>
            setBefore(ways.find((way) => beforeName(way) === event.target.value) ?? before)
          }
        >
          {ways.map((way) => (
            <option key={beforeName(way)} value={beforeName(way)}>
              {'kernel' in way ? words[way.kernel] : way.weights}
            </option>
          ))}
        </select>
      </label>
      {compared.isMaking && <span className="quiet"> {words.comparing}</span>}
      <Alert text={compared.problem} />
    </div>
  );
}
