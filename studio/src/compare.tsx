// What a result is compared with: the same picture by a classic kernel or by other weights, made by a run.
import { Alert } from './alert';
import * as api from './api';
import { type Before, beforeName, comparison } from './enlarging';
import { Legend } from './heat';
import { type Made, useMade } from './made';
import { useWords } from './words';

export interface Compared extends Made {
  name: string;
}

/** The picture by another way at the size of the result, made when it is first looked at. */
export function useComparison(
  picture: api.Picture | null,
  result: api.Picture | null,
  before: Before,
): Compared {
  const words = useWords();
  const key = picture && result ? `${picture.id} ${result.id} ${beforeName(before)}` : null;
  const made = useMade(key, () => {
    if (!picture || !result) throw new Error('nothing to compare');
    return api.begin(comparison(result, before), picture);
  });
  return { ...made, name: 'kernel' in before ? words[before.kernel] : before.weights };
}

interface Props {
  about: api.About;
  before: Before;
  setBefore: (before: Before) => void;
  compared: Compared;
  isHeated: boolean;
  setHeated: (is: boolean) => void;
  heat: Made;
}

export function Compare({ about, before, setBefore, compared, isHeated, setHeated, heat }: Props) {
  const words = useWords();
  const ways: Before[] = [
    { kernel: 'bicubic' },
    { kernel: 'nearest' },
    { kernel: 'lanczos3' },
    ...about.weights.map((weights) => ({ weights })),
  ];
  return (
    <div className="compare">
      <div className="row">
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
        <label>
          <input type="checkbox" checked={isHeated} onChange={(event) => setHeated(event.target.checked)} />{' '}
          {words.heat}
        </label>
        {(compared.isMaking || heat.isMaking) && <span className="quiet">{words.comparing}</span>}
      </div>
      {heat.file && <Legend />}
      <Alert text={compared.problem ?? heat.problem} />
    </div>
  );
}
