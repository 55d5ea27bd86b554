// How far to trust an alignment: status, probability, and a sentence for everything that speaks against it.
import { useEffect, useState } from 'react';
import { Alert } from './alert';
import * as api from './api';
import { useWords } from './words';

export function Verdict({ report, isUnderWay }: { report: api.Picture | null; isUnderWay: boolean }) {
  const words = useWords();
  const { told, problem } = useReport(report);
  const status = told?.words?.status as keyof typeof words.trust | undefined;
  return (
    <section className="why" aria-label={words.verdict}>
      <h2>{words.verdict}</h2>
      {!told && !problem && <p className="quiet">{isUnderWay ? words.aligning : words.verdictEmpty}</p>}
      <Alert text={problem} />
      {told && status && (
        <div data-testid="verdict" data-status={status}>
          <p className={`trust ${status}`}>
            <strong>{words.trust[status]}</strong>
          </p>
          <dl className="facts">
            <dt>{words.probability}</dt>
            <dd>{percent(told.figures.probability)}</dd>
            <dt>{words.places}</dt>
            <dd>
              {String(told.figures.inliers)} / {String(told.figures.matches)}
            </dd>
            <dt>{words.map}</dt>
            <dd>{told.words?.model}</dd>
            <dt>{words.engine}</dt>
            <dd>{told.words?.engine}</dd>
          </dl>
          {told.notes && (
            <ul className="reasons">
              {told.notes.map((note) => (
                <li key={note}>{note}</li>
              ))}
            </ul>
          )}
        </div>
      )}
    </section>
  );
}

/** Never 100: nobody can be that sure. */
const percent = (value: number | string | undefined) =>
  Number(value) >= 0.995 ? '> 99 %' : `${(100 * Number(value)).toFixed(0)} %`;

/** A report that the server keeps. */
function useReport(file: api.Picture | null): { told: api.Report | null; problem: string | null } {
  const [found, setFound] = useState<{ id: string; told: api.Report } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const id = file?.id;
  useEffect(() => {
    setProblem(null);
    if (!id) return;
    let isOver = false;
    api.report(id).then(
      (told) => !isOver && setFound({ id, told }),
      (error) => !isOver && setProblem(api.messageOf(error)),
    );
    return () => {
      isOver = true;
    };
  }, [id]);
  return { told: found && found.id === id ? found.told : null, problem };
}
