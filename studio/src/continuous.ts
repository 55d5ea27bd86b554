// Tiles that a network renders past the stored pixels, as they are looked at.
import type OpenSeadragon from 'openseadragon';
import { useEffect } from 'react';
import * as api from './api';
import type { Failed } from './layers';
import { continuousTiles } from './tiles';
import { short } from './words';

const BEYOND = 1.05; // screen pixels a stored pixel at which rendering begins

interface Beyond {
  picture: api.Picture;
  after: api.Picture;
  weights: string | null; // null: nothing is rendered
  setBeyond: (factor: string | null) => void;
  setEncoding: (is: boolean) => void;
  setProblem: (text: string) => void;
}

/** Past the stored pixels: encode the picture, once, and lay rendered tiles over them. */
export function useContinuous(viewer: OpenSeadragon.Viewer | null, options: Beyond) {
  const { picture, after, weights, setBeyond, setEncoding, setProblem } = options;
  useEffect(() => {
    setBeyond(null);
    if (!viewer || weights === null) return;
    let layer: OpenSeadragon.TiledImage | null = null;
    let isAsked = false;
    let isOver = false;

    const begin = async () => {
      isAsked = true;
      setEncoding(true);
      try {
        const found = await api.encode(picture.id, weights);
        if (isOver) return;
        viewer.addTiledImage({
          tileSource: continuousTiles(picture, found) as unknown as OpenSeadragon.TileSourceOptions,
          index: Math.min(1, viewer.world.getItemCount()),
          x: 0,
          y: 0,
          width: 1,
          success: (event) => {
            const { item } = event as unknown as { item: OpenSeadragon.TiledImage };
            if (isOver) viewer.world.removeItem(item);
            else {
              layer = item;
              look();
            }
          },
        });
      } catch (error) {
        if (!isOver) setProblem(api.messageOf(error));
      } finally {
        if (!isOver) setEncoding(false);
      }
    };
    const look = () => {
      const seen = viewer.viewport.getContainerSize().x * viewer.viewport.getZoom(true); // CSS pixels
      const stored = after.width ?? 1;
      const isBeyond = seen * window.devicePixelRatio > stored * BEYOND;
      if (isBeyond && !isAsked) void begin();
      layer?.setOpacity(isBeyond ? 1 : 0);
      setBeyond(isBeyond && layer ? short((seen * window.devicePixelRatio) / (picture.width ?? 1)) : null);
    };
    const failed = (event: unknown) => {
      const { tiledImage, tile } = event as Failed;
      if (tiledImage !== layer || isOver) return;
      void forgotten(tile.getUrl()).then((is) => {
        if (!is || isOver || !layer) return;
        viewer.world.removeItem(layer); // the server holds few pictures' features: have them made again
        layer = null;
        isAsked = false;
        look();
      });
    };
    viewer.addHandler('animation-finish', look);
    viewer.addHandler('animation', look);
    viewer.addHandler('tile-load-failed', failed);
    look();
    return () => {
      isOver = true;
      viewer.removeHandler('animation-finish', look);
      viewer.removeHandler('animation', look);
      viewer.removeHandler('tile-load-failed', failed);
      if (layer) viewer.world.removeItem(layer);
      setEncoding(false);
    };
  }, [viewer, picture, after, weights, setBeyond, setEncoding, setProblem]);
}

/** Whether the server no longer has the features that a tile is rendered from. */
async function forgotten(url: string): Promise<boolean> {
  const response = await fetch(url).catch(() => null);
  return response !== null && (response.status === 404 || response.status === 409);
}
