// What a run will need, asked of the server before it runs.
import { useEffect, useState } from 'react';
import { Alert } from './alert';
import * as api from './api';
import { asWorkflow, type Work } from './enlarging';
import { short, useWords } from './words';

const PAUSE_MS = 250; // after the last key
const TRAINED = 4; // ×, the largest that the networks here were trained for

export function Forecasted({ work, picture }: { work: Work; picture: api.Picture }) {
  const words = useWords();
  const [found, setFound] = useState<api.Forecast | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    const own = new AbortController();
    const timer = setTimeout(() => {
      api.forecast(asWorkflow(work, picture), own.signal).then(
        (told) => {
          setFound(told);
          setProblem(told.refusals[0] ?? null);
        },
        (error) => {
          if (api.isAbort(error)) return;
          setFound(null);
          setProblem(api.messageOf(error));
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      own.abort();
    };
  }, [work, picture]);

  if (problem) return <Alert text={problem} />;
  const size = found?.nodes.at(-1)?.sizes[0];
  if (!found || !size) return <p className="quiet">…</p>;
  const factor = Math.max(size[0] / (picture.width ?? 1), size[1] / (picture.height ?? 1));
  const isInside = factor <= TRAINED;
  return (
    <dl className="facts" aria-label={words.forecast} data-testid="forecast">
      <dt>{words.result}</dt>
      <dd>
        {size[0]} × {size[1]} {words.pixels}
      </dd>
      <dt>{words.time}</dt>
      <dd>{found.seconds === null ? words.unknownTime : `≈ ${words.seconds(found.seconds)}`}</dd>
      <dt>{words.memory}</dt>
      <dd>≈ {Math.ceil(found.memory_megabytes)} MB</dd>
      <dt>{words.trained}</dt>
      <dd className={isInside ? '' : 'warn'}>
        {isInside ? words.inside(short(factor)) : words.outside(short(factor))}
      </dd>
    </dl>
  );
}
