// Where two pictures differ, in colours over the view, and what the colours mean.
import * as api from './api';
import { type Made, useMade } from './made';
import { useWords } from './words';

export const COLOURS = ['#0b0524', '#5b1a7a', '#b83a5e', '#f5852f', '#fdf3a6']; // of the operation, from 0 to LIMIT
const LIMIT = 0.1; // of the whole range, from black to white

/** The map of how far two pictures of one size differ; nothing while it is not asked for. */
export function useHeat(isOn: boolean, one: api.Picture | null, other: api.Picture | null): Made {
  const key = isOn && one && other ? `${one.id} ${other.id}` : null;
  return useMade(key, () =>
    api.beginOperation('heatmap', { first: one?.id, second: other?.id, limit: LIMIT }),
  );
}

export function Legend() {
  const words = useWords();
  return (
    <p className="legend" data-testid="legend">
      <span>0</span>
      <span
        className="ramp"
        style={{ background: `linear-gradient(to right, ${COLOURS.join(', ')})` }}
        aria-hidden="true"
      />
      <span>{words.legend(LIMIT)}</span>
    </p>
  );
}
