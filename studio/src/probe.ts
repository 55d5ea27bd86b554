// The pixel under the pointer, of the files themselves.
import OpenSeadragon from 'openseadragon';
import { useEffect, useRef, useState } from 'react';
import type * as api from './api';
import { pixelOf } from './tiles';
import { useWords } from './words';

/** Place and colours under the pointer, or in the middle of the view for those who move by keys. */
export function useProbe(
  viewer: OpenSeadragon.Viewer | null,
  picture: api.Picture,
  after: api.Picture,
  before: api.Picture | null,
): string {
  const words = useWords();
  const [text, setText] = useState('');
  const last = useRef<OpenSeadragon.Point | null>(null); // where it was looked at, in the element
  useEffect(() => {
    if (!viewer) return;
    let latest = 0;
    const probe = async (at: OpenSeadragon.Point) => {
      last.current = at;
      const point = viewer.viewport.viewerElementToViewportCoordinates(at);
      const high = (after.height ?? 1) / (after.width ?? 1);
      const mine = ++latest;
      if (point.x < 0 || point.x >= 1 || point.y < 0 || point.y >= high) {
        setText('');
        return;
      }
      const pixel = (file: api.Picture): [number, number] => [
        Math.min(Math.floor(point.x * (file.width ?? 1)), (file.width ?? 1) - 1),
        Math.min(Math.floor((point.y / high) * (file.height ?? 1)), (file.height ?? 1) - 1),
      ];
      try {
        const colours = await Promise.all(
          [before, after].map(async (file) => (file ? (await pixelOf(file, ...pixel(file))).join(' ') : '')),
        );
        if (mine !== latest) return;
        const [x, y] = pixel(picture);
        const both = before ? `${words.before} ${colours[0]} · ${words.after} ${colours[1]}` : colours[1];
        setText(`x ${x} y ${y} · ${both}`);
      } catch {
        if (mine === latest) setText('');
      }
    };
    const moved = (event: MouseEvent) => {
      const box = viewer.element.getBoundingClientRect();
      void probe(new OpenSeadragon.Point(event.clientX - box.left, event.clientY - box.top));
    };
    const keyed = () => {
      const size = viewer.viewport.getContainerSize();
      void probe(new OpenSeadragon.Point(size.x / 2, size.y / 2));
    };
    if (last.current) void probe(last.current); // other pictures, the same place
    const { element } = viewer;
    element.addEventListener('mousemove', moved);
    element.addEventListener('keyup', keyed, true); // OpenSeadragon keeps keys to itself
    return () => {
      latest += 1;
      element.removeEventListener('mousemove', moved);
      element.removeEventListener('keyup', keyed, true);
    };
  }, [viewer, picture, after, before, words]);
  return text;
}
