// How far a run is; how it ended; its file.
import { useState } from 'react';
import { Alert } from './alert';
import * as api from './api';
import type { Followed } from './following';
import { useWords } from './words';

export function Running({ followed }: { followed: Followed }) {
  const words = useWords();
  const [isStopping, setStopping] = useState<string | null>(null); // id of the run
  const [problem, setProblem] = useState<string | null>(null);
  const { run, remaining, isLost } = followed;
  const text = problem ?? followed.problem;
  if (!run) return text ? <Alert text={text} /> : null;
  const cancel = async () => {
    setStopping(run.id);
    setProblem(null);
    try {
      await api.cancel(run.id);
    } catch (error) {
      setStopping(null);
      setProblem(api.messageOf(error));
    }
  };
  const main = run.results.find((file) => file.width !== null) ?? run.results[0];
  const isEnded = api.ENDED.includes(run.status);
  return (
    <div className="running" data-testid="running" data-status={run.status}>
      {!isEnded && (
        <>
          <progress value={run.fraction} aria-label={words.status[run.status]} />
          <p className="row">
            <span aria-live="polite">
              {words.status[run.status]} {Math.round(100 * run.fraction)} %
              {remaining !== null && run.fraction < 1 && `, ${words.left(remaining)}`}
            </span>
            <button type="button" disabled={isStopping === run.id} onClick={() => void cancel()}>
              {isStopping === run.id ? words.cancelling : words.cancel}
            </button>
          </p>
          {isLost && <p className="notice">{words.reconnecting}</p>}
        </>
      )}
      {isEnded && run.status !== 'done' && (
        <p className={run.status === 'cancelled' ? 'notice' : 'problem'} role="alert">
          {words.status[run.status]}
          {run.reason ? `: ${run.reason}` : ''}
        </p>
      )}
      <Alert text={text} />
      {run.results.map((file) => (
        <a
          className={file === main ? 'button main' : 'button'}
          key={file.id}
          href={api.contentUrl(file.id)}
          download={file.name}
          data-testid="download"
        >
          {words.download} {file.name}
          {file.width && ` (${file.width} × ${file.height}, ${(file.bytes / 1e6).toFixed(2)} MB)`}
        </a>
      ))}
    </div>
  );
}
