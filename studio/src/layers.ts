// Files as layers of the view: stored pixels, all in one place, cut at the divider.
import OpenSeadragon from 'openseadragon';
import { useEffect, useState } from 'react';
import * as api from './api';
import { storedTiles } from './tiles';

/** The stored pixels of a file as a layer of the view; all layers lie in the same place. */
export function useLayer(
  viewer: OpenSeadragon.Viewer | null,
  file: api.Picture | null,
  index: number,
  setProblem: (text: string | null) => void,
): OpenSeadragon.TiledImage | null {
  const [layer, setLayer] = useState<OpenSeadragon.TiledImage | null>(null);
  useEffect(() => {
    if (!viewer || !file) return;
    let isOver = false;
    let own: OpenSeadragon.TiledImage | null = null;
    setProblem(null);
    const failed = (event: unknown) => {
      const { tiledImage, tile } = event as Failed;
      if (tiledImage === own)
        void reasonOf(tile.getUrl()).then((text) => text && !isOver && setProblem(text));
    };
    viewer.addHandler('tile-load-failed', failed);
    viewer.addTiledImage({
      tileSource: storedTiles(file) as unknown as OpenSeadragon.TileSourceOptions,
      index: Math.min(index, viewer.world.getItemCount()),
      x: 0,
      y: 0,
      width: 1,
      success: (event) => {
        const { item } = event as unknown as { item: OpenSeadragon.TiledImage };
        if (isOver) {
          viewer.world.removeItem(item);
          return;
        }
        own = item;
        if (index === 0) measure(viewer);
        setLayer(item);
      },
      error: (event) => setProblem(String((event as unknown as { message: string }).message)),
    });
    return () => {
      isOver = true;
      viewer.removeHandler('tile-load-failed', failed);
      if (own) viewer.world?.removeItem(own);
      setLayer(null);
    };
  }, [viewer, file, index, setProblem]);
  return layer;
}

/** Have the view know how large the layers are, all of them: the divider's clips must not move it. */
function measure(viewer: OpenSeadragon.Viewer) {
  const isFirst = viewer.world.getItemCount() === 1;
  for (let index = 0; index < viewer.world.getItemCount(); index += 1) {
    viewer.world.getItemAt(index).setClip(null as unknown as OpenSeadragon.Rect); // null: all of it
  }
  viewer.world.setAutoRefigureSizes(true);
  viewer.world.setAutoRefigureSizes(false);
  if (isFirst) viewer.viewport.goHome(true);
}

/** Whether no tile of a picture is there yet: a large one is read first. */
export function useLoading(viewer: OpenSeadragon.Viewer | null, file: api.Picture): boolean {
  const [loaded, setLoaded] = useState<string | null>(null); // id of the file
  const { id } = file;
  useEffect(() => {
    if (!viewer) return;
    const came = () => setLoaded(id);
    viewer.addHandler('tile-loaded', came);
    return () => viewer.removeHandler('tile-loaded', came);
  }, [viewer, id]);
  return loaded !== id;
}

/** Show "before" on the left of the divider and all else on its right, wherever the view moves. */
export function useDivider(
  viewer: OpenSeadragon.Viewer | null,
  before: OpenSeadragon.TiledImage | null,
  split: number,
) {
  useEffect(() => {
    if (!viewer) return;
    const cut = () => {
      const across = viewer.viewport.getContainerSize().x * split;
      for (let index = 0; index < viewer.world.getItemCount(); index += 1) {
        const item = viewer.world.getItemAt(index);
        if (before) showPart(item, across, item === before);
        else if (item.getClip()) item.setClip(null as unknown as OpenSeadragon.Rect); // null: all of it
      }
    };
    cut();
    viewer.addHandler('update-viewport', cut);
    viewer.addHandler('resize', cut);
    viewer.world.addHandler('add-item', cut);
    return () => {
      viewer.removeHandler('update-viewport', cut);
      viewer.removeHandler('resize', cut);
      viewer.world?.removeHandler('add-item', cut);
    };
  }, [viewer, before, split]);
}

/** Clip a layer at a place of the view; not again where it is so already, for each clip draws anew. */
function showPart(item: OpenSeadragon.TiledImage, across: number, isLeft: boolean) {
  const size = item.getContentSize();
  const { x } = item.viewerElementToImageCoordinates(new OpenSeadragon.Point(across, 0));
  const edge = Math.min(Math.max(x, 0), size.x);
  const wanted = isLeft
    ? new OpenSeadragon.Rect(0, 0, edge, size.y)
    : new OpenSeadragon.Rect(edge, 0, size.x - edge, size.y);
  if (wanted.width <= 0) wanted.width = 1e-6; // nothing of it, where zero would be refused
  const now = item.getClip();
  if (!now || Math.abs(now.x - wanted.x) + Math.abs(now.width - wanted.width) > 1e-3) item.setClip(wanted);
}

export interface Failed {
  tiledImage: OpenSeadragon.TiledImage;
  tile: { getUrl(): string };
}

/** Why a tile of a file could not be had, in the server's words; nothing where it can by now. */
async function reasonOf(url: string): Promise<string | null> {
  const response = await fetch(url).catch(() => null);
  if (!response || response.ok) return null;
  return api.problemOf(response.status, await response.text()).message;
}
