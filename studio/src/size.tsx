// How large, and by which weights.
import type { About } from './api';
import type { Size, Target } from './enlarging';
import { useWords } from './words';

interface Props {
  about: About;
  size: Size;
  setSize: (size: Size) => void;
  weights: string;
  setWeights: (name: string) => void;
}

const FACTORS = [1.5, 2, 3, 4];
const FIRST: Record<Target, number> = { scale: 2, width: 2048, height: 2048, longest: 4096 };

export function SizeChoice({ about, size, setSize, weights, setWeights }: Props) {
  const words = useWords();
  return (
    <>
      <fieldset>
        <legend>{words.size}</legend>
        <div className="row">
          {FACTORS.map((factor) => (
            <button
              type="button"
              key={factor}
              aria-pressed={size.target === 'scale' && size.value === factor}
              onClick={() => setSize({ target: 'scale', value: factor })}
            >
              ×{factor}
            </button>
          ))}
        </div>
        <div className="row">
          <select
            aria-label={words.size}
            value={size.target}
            onChange={(event) => {
              const target = event.target.value as Target;
              setSize({ target, value: FIRST[target] });
            }}
          >
            {(Object.keys(FIRST) as Target[]).map((target) => (
              <option key={target} value={target}>
                {words[target]}
              </option>
            ))}
          </select>
          <input
            type="number"
            aria-label={`${words.size}: ${words[size.target]}`}
            value={Number.isFinite(size.value) ? size.value : ''}
            step={size.target === 'scale' ? 'any' : 1}
            onChange={(event) => setSize({ ...size, value: event.target.valueAsNumber })}
          />
          {size.target !== 'scale' && <span className="quiet">{words.pixels}</span>}
        </div>
      </fieldset>
      <label className="row">
        <span>{words.weights}</span>
        <select value={weights} onChange={(event) => setWeights(event.target.value)}>
          {about.weights.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
    </>
  );
}
