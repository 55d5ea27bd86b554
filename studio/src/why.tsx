// The advisor's answer, each sentence with its source; the workflow; the run's own facts.
import { useId } from 'react';
import type { Advice, Picture, Run, Sentence } from './api';
import { describe, factorOf } from './enlarging';
import { short, useLanguage, useWords } from './words';

export function Why({
  advice,
  picture,
  run,
}: {
  advice: Advice | null;
  picture: Picture | null;
  run: Run | null;
}) {
  const words = useWords();
  return (
    <aside className="why" aria-labelledby="why">
      <h2 id="why">{words.why}</h2>
      {advice ? <Answer advice={advice} /> : <p className="quiet">{words.whyEmpty}</p>}
      {run && run.status === 'done' && <Facts run={run} picture={picture} />}
    </aside>
  );
}

function Answer({ advice }: { advice: Advice }) {
  const words = useWords();
  return (
    <div lang={advice.language} data-testid="answer">
      {advice.notices.map((notice) => (
        <p key={notice} className="notice">
          {notice}
        </p>
      ))}
      {words.parts.map((title, index) => {
        const sentences = advice.sentences.filter((one) => one.part === index + 1);
        if (sentences.length === 0) return null;
        return (
          <section key={title}>
            <h3>{title}</h3>
            {index === 1 && <Flow advice={advice} />}
            {index === 2 ? (
              <ByModel sentences={sentences} advice={advice} />
            ) : (
              <Sentences sentences={sentences} advice={advice} />
            )}
          </section>
        );
      })}
    </div>
  );
}

function Sentences({ sentences, advice }: { sentences: Sentence[]; advice: Advice }) {
  return sentences.map((one) => <Told key={one.text} sentence={one} advice={advice} />);
}

function ByModel({ sentences, advice }: { sentences: Sentence[]; advice: Advice }) {
  const words = useWords();
  const about = [...new Set(sentences.map((one) => one.about))];
  return about.map((source) => (
    <div className="model" key={source ?? ''}>
      <Sentences sentences={sentences.filter((one) => one.about === source)} advice={advice} />
      {source && (advice.links[source] ?? []).length > 0 && (
        <p className="links">
          <span>{words.sources}: </span>
          {(advice.links[source] ?? []).map((link) => (
            <Link key={link} address={link} />
          ))}
        </p>
      )}
    </div>
  ));
}

/** An address that a source gave: only the web's own kinds are made into links. */
function Link({ address }: { address: string }) {
  if (!/^https?:\/\//i.test(address)) return <span>{address} </span>;
  return (
    <>
      <a href={address} target="_blank" rel="noreferrer noopener">
        {address.replace(/^https?:\/\//i, '')}
      </a>{' '}
    </>
  );
}

function Told({ sentence, advice }: { sentence: Sentence; advice: Advice }) {
  const words = useWords();
  const id = useId();
  const names = [...new Set(sentence.spans.map((span) => advice.names[span.source] ?? span.source))];
  return (
    <p className="told">
      {sentence.text}{' '}
      {names.length > 0 && (
        <span className="cited">
          <button
            type="button"
            className="cite"
            aria-label={`${words.source}: ${names.join(', ')}`}
            aria-describedby={id}
          >
            {words.source}
          </button>
          <span className="quote" role="tooltip" id={id}>
            {sentence.label && <em>{sentence.label}</em>}
            {sentence.spans.map((span) => (
              <span key={`${span.source} ${span.field} ${span.start}`}>
                <strong>{advice.names[span.source] ?? span.source}</strong> ({span.field.replaceAll('_', ' ')}
                ): “{span.words}”
              </span>
            ))}
          </span>
        </span>
      )}
    </p>
  );
}

interface Step {
  takes: string;
  by: string | null;
  gives: string;
  runs_here: boolean;
}

function Flow({ advice }: { advice: Advice }) {
  const words = useWords();
  const steps = advice.steps as unknown as Step[];
  if (steps.length === 0) return null;
  return (
    <ol className="flow" aria-label={words.workflow}>
      <li className="value">{steps[0]?.takes}</li>
      {steps.map((step) => (
        <li key={`${step.takes} ${step.by} ${step.gives}`} className="step">
          <span aria-hidden="true">→</span>
          <strong>
            {step.by}
            {!step.runs_here && <small>{words.notHere}</small>}
          </strong>
          <span aria-hidden="true">→</span>
          <span className="value">{step.gives}</span>
        </li>
      ))}
    </ol>
  );
}

function Facts({ run, picture }: { run: Run; picture: Picture | null }) {
  const words = useWords();
  const language = useLanguage();
  const result = run.results[0];
  const size = (file: Picture) => `${file.width} × ${file.height}`;
  return (
    <section>
      <h3>{words.facts}</h3>
      <dl className="facts">
        {picture && (
          <>
            <dt>{words.input}</dt>
            <dd>
              {picture.name}, {size(picture)}
            </dd>
          </>
        )}
        {result?.width && (
          <>
            <dt>{words.result}</dt>
            <dd>
              {result.name}, {size(result)}
              {picture?.width && ` (×${short(factorOf(picture, result))})`}, {(result.bytes / 1e6).toFixed(2)}{' '}
              MB
            </dd>
          </>
        )}
        <dt>{words.by}</dt>
        <dd>{describe(run)}</dd>
        {run.begun && run.ended && (
          <>
            <dt>{words.took}</dt>
            <dd>{words.seconds(run.ended - run.begun)}</dd>
          </>
        )}
        <dt>{words.made}</dt>
        <dd>{new Date(run.created * 1000).toLocaleString(language)}</dd>
        {result && (
          <>
            <dt>SHA-256</dt>
            <dd className="sum">{result.sha256}</dd>
          </>
        )}
      </dl>
      {run.notices.map((notice) => (
        <p key={notice} className="notice">
          {notice}
        </p>
      ))}
    </section>
  );
}
