// Every run that is kept: what went in, what came out, how it went; open, repeat, delete.
import { useCallback, useEffect, useState } from 'react';
import { Alert } from './alert';
import * as api from './api';
import { describe } from './enlarging';
import { useLanguage, useWords } from './words';

export function History({ open }: { open: (run: api.Run) => void }) {
  const words = useWords();
  const [runs, setRuns] = useState<api.Run[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const load = useCallback(async () => {
    try {
      setRuns(await api.runs());
      setProblem(null);
    } catch (error) {
      setProblem(api.messageOf(error));
    }
  }, []);
  useEffect(() => {
    void load();
    const timer = setInterval(() => void load(), 3000);
    return () => clearInterval(timer);
  }, [load]);

  return (
    <main className="history" id="main" tabIndex={-1}>
      <h1>{words.history}</h1>
      <Alert text={problem} />
      {runs?.length === 0 && <p className="quiet">{words.noRuns}</p>}
      <ul>
        {runs?.map((run) => (
          <Entry key={run.id} run={run} open={open} changed={load} />
        ))}
      </ul>
    </main>
  );
}

function Entry({
  run,
  open,
  changed,
}: {
  run: api.Run;
  open: (run: api.Run) => void;
  changed: () => Promise<void>;
}) {
  const words = useWords();
  const language = useLanguage();
  const [isSure, setSure] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const result = run.results.find((one) => one.width !== null);
  const isEnded = api.ENDED.includes(run.status);
  const doing = async (work: () => Promise<unknown>) => {
    try {
      await work();
      setProblem(null);
    } catch (error) {
      setProblem(api.messageOf(error));
    }
    await changed();
  };
  const repeat = async () => open(await api.again(run.id));
  const given = Object.values(run.inputs).flat();

  return (
    <li className="entry" data-run={run.id}>
      <span className="thumbs">
        {given.slice(0, 2).map((id) => (
          <Thumb key={id} id={id} />
        ))}
        {result && <Thumb id={result.id} />}
      </span>
      <div>
        <p className="title">
          <strong>{result?.name ?? run.title}</strong>{' '}
          <span className={`badge ${run.status}`}>{words.status[run.status]}</span>
        </p>
        <p className="quiet">
          {describe(run)} · <time>{new Date(run.created * 1000).toLocaleString(language)}</time>
          {result && ` · ${result.width} × ${result.height}`}
          {run.begun && run.ended && ` · ${words.seconds(run.ended - run.begun)}`}
        </p>
        {run.reason && <p className="problem">{run.reason}</p>}
        <Alert text={problem} />
        <p className="actions">
          <button type="button" onClick={() => open(run)}>
            {words.open}
          </button>
          {run.results.map((one) => (
            <a className="button" key={one.id} href={api.contentUrl(one.id)} download={one.name}>
              {words.download}
            </a>
          ))}
          {isEnded && (
            <button type="button" onClick={() => void doing(repeat)}>
              {words.again}
            </button>
          )}
          {isEnded ? (
            <button
              type="button"
              className={isSure ? 'danger' : ''}
              onBlur={() => setSure(false)}
              onClick={() => (isSure ? void doing(() => api.removeRun(run.id)) : setSure(true))}
            >
              {isSure ? words.removeSure : words.remove}
            </button>
          ) : (
            <button type="button" onClick={() => void doing(() => api.cancel(run.id))}>
              {words.cancel}
            </button>
          )}
          <a href={api.recordUrl(run.id)} target="_blank" rel="noreferrer">
            {words.record}
          </a>
        </p>
      </div>
    </li>
  );
}

function Thumb({ id }: { id: string }) {
  const [isThere, setThere] = useState(true);
  if (!isThere) return <span className="thumb" />;
  return (
    <img
      className="thumb"
      src={api.previewUrl(id, 128)}
      alt=""
      loading="lazy"
      onError={() => setThere(false)}
    />
  );
}
