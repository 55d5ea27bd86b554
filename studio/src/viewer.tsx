// Before and after in one deep-zoom view: a divider between them, and tiles that a network renders past their pixels.
import OpenSeadragon from 'openseadragon';
import {
  type KeyboardEvent,
  type PointerEvent,
  type RefObject,
  useCallback,
  useEffect,
  useRef,
  useState,
} from 'react';
import * as api from './api';
import { Icon } from './icons';
import { continuousTiles, pixelOf, storedTiles } from './tiles';
import { short, useWords } from './words';

interface Props {
  picture: api.Picture; // what was given
  after: api.Picture; // what was made of it, or the picture itself
  before: { file: api.Picture; name: string } | null; // of the size of `after`, or the picture itself
  afterName: string;
  weights: string; // that render beyond the pixels
}

const BEYOND = 1.05; // screen pixels a stored pixel at which rendering begins
const WIDEST = 4 / 3; // of the view: a wider picture leaves room above and below
const STEP = 0.02; // of the divider, by an arrow key

export function Viewer({ picture, after, before, afterName, weights }: Props) {
  const words = useWords();
  const frame = useRef<HTMLDivElement>(null);
  const [split, setSplit] = useState(0.5);
  const [beyond, setBeyond] = useState<string | null>(null); // the factor that is seen, where it is rendered
  const [isEncoding, setEncoding] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [viewer, setViewer] = useState<OpenSeadragon.Viewer | null>(null);
  useLayer(viewer, after, 0, setProblem);
  const beforeLayer = useLayer(viewer, before?.file ?? null, 2, setProblem);
  const isLoading = useLoading(viewer, after) && problem === null;

  const attach = useCallback((element: HTMLDivElement | null) => {
    if (!element) return;
    const made = new OpenSeadragon.Viewer({
      element,
      drawer: 'canvas', // the one that clips
      showNavigationControl: false,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      animationTime: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 0.6,
      maxZoomPixelRatio: 64,
      visibilityRatio: 0.5,
      minZoomImageRatio: 0.8,
      timeout: 90_000,
      imageLoaderLimit: 4,
    });
    made.world.setAutoRefigureSizes(false); // see `measure`
    setViewer(made);
    return () => {
      setViewer(null);
      made.destroy();
    };
  }, []);

  useWheel(viewer, frame);
  useDivider(viewer, beforeLayer, split);
  useContinuous(viewer, { picture, after, weights, setBeyond, setEncoding, setProblem });
  const probed = useProbe(viewer, picture, after, before?.file ?? null);

  const drag = (event: PointerEvent<HTMLDivElement>) => {
    if (event.buttons === 0 || !frame.current) return;
    const box = frame.current.getBoundingClientRect();
    setSplit(clamp((event.clientX - box.left) / box.width));
  };
  const press = (event: KeyboardEvent) => {
    const move = { ArrowLeft: -STEP, ArrowRight: STEP, PageDown: -0.1, PageUp: 0.1 }[event.key];
    const to = { Home: 0, End: 1 }[event.key] ?? (move === undefined ? undefined : split + move);
    if (to === undefined) return;
    event.preventDefault();
    setSplit(clamp(to));
  };
  const zoomTo = (by: number) => viewer?.viewport.zoomBy(by).applyConstraints();

  return (
    <section className="viewer" aria-label={before ? words.viewer : words.viewerOne}>
      <div
        className="stage"
        style={{ aspectRatio: Math.min((after.width ?? 1) / (after.height ?? 1), WIDEST) }}
        ref={frame}
        data-testid="stage"
        data-beyond={beyond ?? ''}
      >
        <div className="deep" ref={attach} />
        {before && (
          <>
            <span className="tag left">{before.name}</span>
            <div
              className="divider"
              style={{ left: `${split * 100}%` }}
              role="slider"
              tabIndex={0}
              aria-label={words.divider}
              aria-valuemin={0}
              aria-valuemax={100}
              aria-valuenow={Math.round(split * 100)}
              aria-orientation="horizontal"
              onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
              onPointerMove={drag}
              onKeyDown={press}
            />
          </>
        )}
        <span className="tag right">{beyond ? words.rendered(beyond) : afterName}</span>
        {(isEncoding || isLoading) && (
          <output className="busy">{isEncoding ? words.encoding : words.loading}</output>
        )}
      </div>
      <div className="tools">
        <div className="group">
          <button type="button" onClick={() => zoomTo(1.6)} aria-label={words.zoomIn} title={words.zoomIn}>
            <Icon name="plus" />
          </button>
          <button
            type="button"
            onClick={() => zoomTo(1 / 1.6)}
            aria-label={words.zoomOut}
            title={words.zoomOut}
          >
            <Icon name="minus" />
          </button>
          <button
            type="button"
            onClick={() => viewer?.viewport.zoomTo(oneToOne(viewer))}
            title={words.pixelsHome}
          >
            1:1
          </button>
          <button
            type="button"
            onClick={() => viewer?.viewport.goHome()}
            aria-label={words.home}
            title={words.home}
          >
            <Icon name="all" />
          </button>
          <button
            type="button"
            onClick={() =>
              void (document.fullscreenElement
                ? document.exitFullscreen()
                : frame.current?.requestFullscreen())
            }
            aria-label={words.fullScreen}
            title={words.fullScreen}
          >
            <Icon name="full" />
          </button>
        </div>
        <output className="probe" aria-live="off" data-testid="probe">
          {probed}
        </output>
      </div>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
    </section>
  );
}

/** The stored pixels of a file as a layer of the view; all layers lie in the same place. */
function useLayer(
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
function useLoading(viewer: OpenSeadragon.Viewer | null, file: api.Picture): boolean {
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

/** The wheel zooms on the divider as well, which lies above the picture. */
function useWheel(viewer: OpenSeadragon.Viewer | null, frame: RefObject<HTMLDivElement | null>) {
  useEffect(() => {
    const element = frame.current;
    if (!viewer || !element) return;
    const turned = (event: WheelEvent) => {
      if (!(event.target as Element).matches('.divider')) return;
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const at = new OpenSeadragon.Point(event.clientX - box.left, event.clientY - box.top);
      viewer.viewport.zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2, viewer.viewport.pointFromPixel(at, true));
      viewer.viewport.applyConstraints();
    };
    element.addEventListener('wheel', turned, { passive: false });
    return () => element.removeEventListener('wheel', turned);
  }, [viewer, frame]);
}

/** Show "before" on the left of the divider and all else on its right, wherever the view moves. */
function useDivider(
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

interface Beyond {
  picture: api.Picture;
  after: api.Picture;
  weights: string;
  setBeyond: (factor: string | null) => void;
  setEncoding: (is: boolean) => void;
  setProblem: (text: string) => void;
}

/** Past the stored pixels: encode the picture, once, and lay rendered tiles over them. */
function useContinuous(viewer: OpenSeadragon.Viewer | null, options: Beyond) {
  const { picture, after, weights, setBeyond, setEncoding, setProblem } = options;
  useEffect(() => {
    if (!viewer) return;
    let layer: OpenSeadragon.TiledImage | null = null;
    let isAsked = false;
    let isOver = false;
    setBeyond(null);

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

interface Failed {
  tiledImage: OpenSeadragon.TiledImage;
  tile: { getUrl(): string };
}

/** Why a tile of a file could not be had, in the server's words; nothing where it can by now. */
async function reasonOf(url: string): Promise<string | null> {
  const response = await fetch(url).catch(() => null);
  if (!response || response.ok) return null;
  return api.problemOf(response.status, await response.text()).message;
}

/** Whether the server no longer has the features that a tile is rendered from. */
async function forgotten(url: string): Promise<boolean> {
  const response = await fetch(url).catch(() => null);
  return response !== null && (response.status === 404 || response.status === 409);
}

/** Place and colours under the pointer, or in the middle of the view for those who move by keys. */
function useProbe(
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

/** The zoom at which a pixel of the result is one of the screen. */
function oneToOne(viewer: OpenSeadragon.Viewer): number {
  return viewer.world.getItemAt(0)?.imageToViewportZoom(1 / window.devicePixelRatio) ?? 1;
}

const clamp = (value: number) => Math.min(1, Math.max(0, value));
