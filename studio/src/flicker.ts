// Two layers shown in turn: what does not jump lies in place.
import type OpenSeadragon from 'openseadragon';
import { useEffect, useState } from 'react';

const EACH_MS = 600; // as in the flicker picture of the command line

interface Turns {
  isBefore: boolean; // which of the two is seen
  isRunning: boolean;
  toggle: () => void;
  turn: () => void;
}

/** Show the layer and hide it in turn; at rest for those who asked for less motion, until they say so. */
export function useFlicker(
  viewer: OpenSeadragon.Viewer | null,
  layer: OpenSeadragon.TiledImage | null,
): Turns {
  const [isBefore, setBefore] = useState(true);
  const [isRunning, setRunning] = useState(!matchMedia('(prefers-reduced-motion: reduce)').matches);
  useEffect(() => {
    if (!layer || !isRunning) return;
    const timer = setInterval(() => setBefore((is) => !is), EACH_MS);
    return () => clearInterval(timer);
  }, [layer, isRunning]);
  useEffect(() => {
    if (!viewer || !layer) return;
    layer.setOpacity(isBefore ? 1 : 0);
    return () => layer.setOpacity(1);
  }, [viewer, layer, isBefore]);
  return {
    isBefore,
    isRunning,
    toggle: () => setRunning(!isRunning),
    turn: () => {
      setRunning(false);
      setBefore(!isBefore);
    },
  };
}
