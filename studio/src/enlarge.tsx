// The page that matters: a picture in, a question or a size, the forecast, the run, before and after, why.
import { useCallback, useEffect, useMemo, useState } from 'react';
import { Alert } from './alert';
import * as api from './api';
import { Choose } from './choose';
import { Compare, useComparison } from './compare';
import { type Before, enlargement, factorOf, type Size, type Work } from './enlarging';
import { useRun } from './following';
import { Forecasted } from './forecast';
import { useHeat } from './heat';
import { Running } from './running';
import { SizeChoice } from './size';
import { Viewer } from './viewer';
import { Why } from './why';
import { short, useLanguage, useWords } from './words';

interface Props {
  about: api.About;
  shown: string | null; // id of the run that is looked at
  show: (id: string | null) => void;
}

const BRIEF_BYTES = 400_000;

export function Enlarge({ about, shown, show }: Props) {
  const words = useWords();
  const language = useLanguage();
  const [picture, setPicture] = useState<api.Picture | null>(null);
  const [size, setSize] = useState<Size>({ target: 'scale', value: 2 });
  const [weights, setWeights] = useState(about.weights[0] ?? '');
  const [question, setQuestion] = useState('');
  const [brief, setBrief] = useState('');
  const [advice, setAdvice] = useState<api.Advice | null>(null);
  const [isAsking, setAsking] = useState(false);
  const [isProposed, setProposed] = useState(false); // run what the answer proposes, not the size
  const [problem, setProblem] = useState<{ at: 'question' | 'run'; text: string } | null>(null);
  const followed = useRun(shown);
  const run = followed.run;

  usePictureOf(run, picture, setPicture);
  useEffect(() => {
    const kept = shown && keptAdvice(shown);
    if (kept) setAdvice(kept);
  }, [shown]);

  const work = useMemo<Work>(
    () =>
      isProposed && advice?.document
        ? { document: advice.document }
        : enlargement(size, weights, about.weights[0]),
    [isProposed, advice, size, weights, about],
  );

  const result = run?.status === 'done' ? (run.results.find((one) => one.width !== null) ?? null) : null;
  const isOfPicture =
    run !== null && picture !== null && Object.values(run.inputs).flat().includes(picture.id);
  const after = isOfPicture && result ? result : null;
  const [before, setBefore] = useState<Before>({ kernel: 'bicubic' });
  const compared = useComparison(picture, after, before);
  const [isHeated, setHeated] = useState(false);
  const heat = useHeat(isHeated, after, compared.file);

  const ask = async () => {
    setAsking(true);
    setProblem(null);
    try {
      const found = await api.advise(question, brief.slice(0, BRIEF_BYTES), language);
      setAdvice(found);
      setProposed(found.document !== null);
    } catch (error) {
      setProblem({ at: 'question', text: api.messageOf(error) });
    } finally {
      setAsking(false);
    }
  };
  const begin = async () => {
    if (!picture) return;
    setProblem(null);
    try {
      const begun = await api.begin(work, picture);
      if (isProposed && advice) keepAdvice(begun.id, advice);
      show(begun.id);
    } catch (error) {
      setProblem({ at: 'run', text: api.messageOf(error) });
    }
  };
  const chosen = useCallback(
    (found: api.Picture) => {
      setPicture(found);
      setProblem(null);
      show(null);
    },
    [show],
  );

  const isUnderWay = run !== null && !api.ENDED.includes(run.status);
  const left = compared.file ?? (after ? picture : null);
  const beforeShown = useMemo(
    () => (after && left ? { file: left, name: compared.file ? compared.name : words.original } : null),
    [after, left, compared.file, compared.name, words.original],
  );

  return (
    <main className="enlarge" id="main" tabIndex={-1}>
      <h1 className="hidden">{words.enlarge}</h1>
      <div className="form">
        <Choose about={about} picture={picture} chosen={chosen} />
        <form
          className="card"
          onSubmit={(event) => {
            event.preventDefault();
            void ask();
          }}
        >
          <label htmlFor="question">{words.question}</label>
          <textarea
            id="question"
            rows={2}
            value={question}
            placeholder={words.questionHint}
            onChange={(event) => setQuestion(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
              event.preventDefault();
              if (question.trim() && !isAsking) void ask();
            }}
          />
          <details>
            <summary>{words.brief}</summary>
            <textarea
              rows={5}
              aria-label={words.brief}
              aria-describedby="brief-hint"
              value={brief}
              onChange={(event) => setBrief(event.target.value)}
            />
            <p className="quiet" id="brief-hint">
              {words.briefHint}
            </p>
          </details>
          <button type="submit" disabled={isAsking || !question.trim()}>
            {isAsking ? words.asking : words.ask}
          </button>
          <Alert text={problem?.at === 'question' ? problem.text : null} />
          {advice && !advice.document && <p className="notice">{words.noDocument}</p>}
        </form>
        <div className="card">
          {advice?.document && (
            <fieldset className="way">
              <legend>{words.workflow}</legend>
              <label>
                <input type="radio" name="way" checked={isProposed} onChange={() => setProposed(true)} />{' '}
                {words.byQuestion}
              </label>
              <label>
                <input type="radio" name="way" checked={!isProposed} onChange={() => setProposed(false)} />{' '}
                {words.bySize}
              </label>
              {isProposed && <p className="quiet">{String(advice.document.title ?? '')}</p>}
            </fieldset>
          )}
          {!(isProposed && advice?.document) && (
            <SizeChoice
              about={about}
              size={size}
              setSize={setSize}
              weights={weights}
              setWeights={setWeights}
            />
          )}
          {picture && <Forecasted work={work} picture={picture} />}
          <button
            type="button"
            className="main"
            disabled={!picture || isUnderWay}
            onClick={() => void begin()}
          >
            {words.run}
          </button>
          <Alert text={problem?.at === 'run' ? problem.text : null} />
          {shown && <Running followed={followed} />}
        </div>
      </div>
      <div className="look">
        {picture ? (
          <>
            <Viewer
              picture={picture}
              after={after ?? picture}
              before={beforeShown}
              afterName={after ? `${words.after} ×${short(factorOf(picture, after))}` : words.original}
              weights={weights}
              over={heat.file}
            />
            {after && (
              <Compare
                about={about}
                before={before}
                setBefore={setBefore}
                compared={compared}
                isHeated={isHeated}
                setHeated={setHeated}
                heat={heat}
              />
            )}
          </>
        ) : (
          <div className="stage empty" aria-hidden="true" />
        )}
      </div>
      <Why advice={advice} picture={picture} run={isOfPicture ? run : null} />
    </main>
  );
}

/** A run that was opened brings its picture with it. */
function usePictureOf(
  run: api.Run | null,
  picture: api.Picture | null,
  setPicture: (found: api.Picture) => void,
) {
  const [given] = run ? Object.values(run.inputs).flat() : [];
  const own = picture?.id;
  useEffect(() => {
    if (!given || given === own) return;
    let isOver = false;
    api.picture(given).then(
      (found) => !isOver && setPicture(found),
      () => undefined, // it was deleted since; the run itself says what it made
    );
    return () => {
      isOver = true;
    };
  }, [given, own, setPicture]);
}

/** The answer that a run came from, for when the page is loaded again. */
function keepAdvice(run: string, advice: api.Advice) {
  try {
    sessionStorage.setItem(`anyres.advice.${run}`, JSON.stringify(advice));
  } catch {
    // a browser that keeps nothing: the run is there all the same
  }
}

function keptAdvice(run: string): api.Advice | null {
  try {
    return JSON.parse(sessionStorage.getItem(`anyres.advice.${run}`) ?? 'null') as api.Advice | null;
  } catch {
    return null;
  }
}
