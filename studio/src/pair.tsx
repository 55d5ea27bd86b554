// Two photographs of one eye: one laid on the other, views to judge it by, and a word on how far to trust it.
import { useCallback, useEffect, useState } from 'react';
import { Alert } from './alert';
import * as api from './api';
import { Choose } from './choose';
import { useRun } from './following';
import { Running } from './running';
import { Verdict } from './verdict';
import { Viewer } from './viewer';
import { useWords } from './words';

export const WORKFLOW = 'retina-pair';
type Side = 'fixed' | 'moving';
const SIDES: readonly Side[] = ['fixed', 'moving'];
const VIEWS = ['divider', 'overlay', 'checkerboard', 'flicker'] as const;
type View = (typeof VIEWS)[number];
type Pair = Record<Side, api.Picture | null>;

interface Props {
  about: api.About;
  shown: string | null; // id of the run that is looked at
  show: (id: string | null) => void;
}

export function PairPage({ about, shown, show }: Props) {
  const words = useWords();
  const [pair, setPair] = useState<Pair>({ fixed: null, moving: null });
  const engines = useEngines();
  const [engine, setEngine] = useState<string | null>(null);
  const [view, setView] = useState<View>('divider');
  const [problem, setProblem] = useState<string | null>(null);
  const followed = useRun(shown);
  const { run } = followed;
  usePicturesOf(run, setPair);

  const choose = useCallback(
    (side: Side, found: api.Picture) => {
      setPair((before) => ({ ...before, [side]: found }));
      setProblem(null);
      show(null);
    },
    [show],
  );
  const chooseFixed = useCallback((found: api.Picture) => choose('fixed', found), [choose]);
  const chooseMoving = useCallback((found: api.Picture) => choose('moving', found), [choose]);
  const begin = async () => {
    if (!pair.fixed || !pair.moving) return;
    setProblem(null);
    try {
      const begun = await api.beginWorkflow({
        workflow: WORKFLOW,
        inputs: { fixed: pair.fixed.id, moving: pair.moving.id },
        parameters: engine === null ? {} : { engine },
      });
      show(begun.id);
    } catch (error) {
      setProblem(api.messageOf(error));
    }
  };

  const isUnderWay = run !== null && !api.ENDED.includes(run.status);
  const isOfPair = run !== null && SIDES.every((side) => run.inputs[side] === pair[side]?.id);
  const made = (output: string) => (isOfPair && run.results.find((one) => one.output === output)) || null;
  const registered = made('registered');
  const looked = view === 'overlay' || view === 'checkerboard' ? made(view) : registered;
  const report = made('verdict');

  return (
    <main className="enlarge" id="main" tabIndex={-1}>
      <h1 className="hidden">{words.pair}</h1>
      <div className="form">
        <Choose about={about} picture={pair.fixed} chosen={chooseFixed} label={words.fixed} />
        <Choose about={about} picture={pair.moving} chosen={chooseMoving} label={words.moving} />
        <div className="card">
          <label htmlFor="engine">{words.engine}</label>
          <select
            id="engine"
            value={engine ?? engines.usual}
            onChange={(event) => setEngine(event.target.value)}
          >
            {engines.all.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
          <button
            type="button"
            className="main"
            disabled={!pair.fixed || !pair.moving || isUnderWay}
            onClick={() => void begin()}
          >
            {words.align}
          </button>
          <Alert text={problem ?? engines.problem} />
          {shown && <Running followed={followed} />}
        </div>
      </div>
      <div className="look">
        {pair.fixed && registered && looked ? (
          <>
            <fieldset className="row views">
              <legend className="hidden">{words.views}</legend>
              {VIEWS.map((one) => (
                <label key={one}>
                  <input type="radio" name="view" checked={view === one} onChange={() => setView(one)} />{' '}
                  {words.view[one]}
                </label>
              ))}
            </fieldset>
            <Viewer
              picture={pair.fixed}
              after={looked}
              before={looked === registered ? { file: pair.fixed, name: words.fixed } : null}
              afterName={looked === registered ? words.moving : words.view[view]}
              weights={null}
              isFlickering={view === 'flicker'}
            />
          </>
        ) : pair.fixed ? (
          <Viewer
            picture={pair.fixed}
            after={pair.fixed}
            before={null}
            afterName={words.fixed}
            weights={null}
          />
        ) : (
          <div className="stage empty" aria-hidden="true" />
        )}
      </div>
      <Verdict report={report} isUnderWay={isUnderWay} />
    </main>
  );
}

interface Engines {
  usual: string;
  all: string[];
  problem: string | null;
}

/** What finds places, as the operation declares it. */
function useEngines(): Engines {
  const [found, setFound] = useState<Engines>({ usual: '', all: [], problem: null });
  useEffect(() => {
    api.operations().then(
      (operations) => {
        const own = operations.find((one) => one.name === 'register');
        const { properties } = (own?.parameters ?? {}) as {
          properties?: { engine?: { default: string; examples: string[] } };
        };
        const engine = properties?.engine;
        if (engine) setFound({ usual: engine.default, all: engine.examples, problem: null });
      },
      (error) => setFound({ usual: '', all: [], problem: api.messageOf(error) }),
    );
  }, []);
  return found;
}

/** A run that was opened brings its photographs with it. */
function usePicturesOf(run: api.Run | null, setPair: (change: (before: Pair) => Pair) => void) {
  const fixed = run?.inputs.fixed;
  const moving = run?.inputs.moving;
  useEffect(() => {
    let isOver = false;
    for (const [side, id] of [
      ['fixed', fixed],
      ['moving', moving],
    ] as const) {
      if (typeof id !== 'string') continue;
      api.picture(id).then(
        (found) => !isOver && setPair((before) => ({ ...before, [side]: found })),
        () => undefined, // it was deleted since; the run itself says what it made
      );
    }
    return () => {
      isOver = true;
    };
  }, [fixed, moving, setPair]);
}
