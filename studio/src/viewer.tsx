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
import { Alert } from './alert';
import type * as api from './api';
import { useContinuous } from './continuous';
import { useFlicker } from './flicker';
import { Icon, type IconName } from './icons';
import { useDivider, useLayer, useLoading } from './layers';
import { useProbe } from './probe';
import { RETRIES, RETRY_MS } from './tiles';
import { useWords } from './words';

interface Props {
  picture: api.Picture; // what was given
  after: api.Picture; // what was made of it, or the picture itself
  before: { file: api.Picture; name: string } | null; // of the size of `after`, or the picture itself
  afterName: string;
  weights: string | null; // that render beyond the pixels; null: nothing does
  over?: api.Picture | null; // a map of the same size, laid over all else
  isFlickering?: boolean; // "before" shown in turn, not beside
}

const WIDEST = 4 / 3; // of the view: a wider picture leaves room above and below
const OVER = 0.8; // opacity of a map, so that the picture is seen through it
const STEP = 0.02; // of the divider, by an arrow key

export function Viewer({
  picture,
  after,
  before,
  afterName,
  weights,
  over = null,
  isFlickering = false,
}: Props) {
  const words = useWords();
  const frame = useRef<HTMLDivElement>(null);
  const [split, setSplit] = useState(0.5);
  const [beyond, setBeyond] = useState<string | null>(null); // the factor that is seen, where it is rendered
  const [isEncoding, setEncoding] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [viewer, setViewer] = useState<OpenSeadragon.Viewer | null>(null);
  const afterLayer = useLayer(viewer, after, 0, setProblem);
  const beforeLayer = useLayer(viewer, before?.file ?? null, 2, setProblem);
  const overLayer = useLayer(viewer, over, 3, setProblem);
  useEffect(() => {
    overLayer?.setOpacity(OVER);
  }, [overLayer]);
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
      tileRetryMax: RETRIES,
      tileRetryDelay: RETRY_MS,
    });
    made.world.setAutoRefigureSizes(false); // see `measure`
    setViewer(made);
    return () => {
      setViewer(null);
      made.destroy();
    };
  }, []);

  useWheel(viewer, frame);
  useDivider(viewer, isFlickering ? null : beforeLayer, split);
  const turns = useFlicker(viewer, isFlickering ? beforeLayer : null);
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
  const fullScreen = () =>
    void (document.fullscreenElement ? document.exitFullscreen() : frame.current?.requestFullscreen());
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
        {before && isFlickering && turns.isBefore && <span className="tag left">{before.name}</span>}
        {before && !isFlickering && (
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
        {!(isFlickering && turns.isBefore) && (
          <span className="tag right">{beyond ? words.rendered(beyond) : afterName}</span>
        )}
        {(isEncoding || isLoading) && (
          <output className="busy">{isEncoding ? words.encoding : words.loading}</output>
        )}
      </div>
      <div className="tools">
        <div className="group">
          <Tool icon="plus" name={words.zoomIn} press={() => zoomTo(1.6)} />
          <Tool icon="minus" name={words.zoomOut} press={() => zoomTo(1 / 1.6)} />
          <button
            type="button"
            onClick={() => afterLayer && viewer?.viewport.zoomTo(oneToOne(afterLayer))}
            title={words.pixelsHome}
          >
            1:1
          </button>
          <Tool icon="all" name={words.home} press={() => viewer?.viewport.goHome()} />
          <Tool icon="full" name={words.fullScreen} press={fullScreen} />
          {isFlickering && (
            <>
              <button type="button" aria-pressed={turns.isRunning} onClick={turns.toggle}>
                {turns.isRunning ? words.hold : words.flicker}
              </button>
              <button type="button" onClick={turns.turn}>
                {words.turn}
              </button>
            </>
          )}
        </div>
        <output className="probe" aria-live="off" data-testid="probe">
          {probed}
        </output>
      </div>
      <Alert text={problem} />
    </section>
  );
}

function Tool({ icon, name, press }: { icon: IconName; name: string; press: () => void }) {
  return (
    <button type="button" onClick={press} aria-label={name} title={name}>
      <Icon name={icon} />
    </button>
  );
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

/** The zoom at which a pixel of the result is one of the screen. */
function oneToOne(layer: OpenSeadragon.TiledImage): number {
  return layer.imageToViewportZoom(1 / window.devicePixelRatio);
}

const clamp = (value: number) => Math.min(1, Math.max(0, value));
