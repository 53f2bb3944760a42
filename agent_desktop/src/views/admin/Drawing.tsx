// The flow as a picture: wheel or + and − zoom, dragging or the arrow keys move, a node leads to its line. While the text has
// problems the last good picture stays, marked as old.

import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../i18n";
import type { Box, FlowCheck, Picture, Way } from "../../protocol";
import { Icon } from "../Icon";

interface View {
  x: number;
  y: number;
  scale: number;
}
const LEAST = 0.03;
/** Small enough to see where a node leads, large enough to read. */
const READABLE = 0.75;
const MOST = 3;
const STEP = 1.25;
const MOVE = 60;
const ARROWS: Record<string, [number, number]> = { ArrowLeft: [-MOVE, 0], ArrowRight: [MOVE, 0], ArrowUp: [0, -MOVE], ArrowDown: [0, MOVE] };

export function Drawing({ check, line, go }: { check: FlowCheck | null; line: number; go: (line: number) => void }) {
  const last = useRef<Picture | null>(null);
  if (check?.picture) last.current = check.picture;
  const picture = last.current;
  if (picture === null) return <p class="dim admin-canvas-none">{t("admin.flow.no_drawing")}</p>;
  const lines = check?.lines ?? {};
  const here = Object.entries(lines).filter(([, from]) => from <= line).sort((one, other) => other[1] - one[1])[0]?.[0];
  return <Canvas picture={picture} isOld={!check?.picture} here={here} go={(name) => { const to = lines[name]; if (to !== undefined) go(to); }} />;
}

function Canvas(props: { picture: Picture; isOld: boolean; here: string | undefined; go: (name: string) => void }) {
  const { picture } = props;
  const frame = useRef<HTMLDivElement>(null);
  const drag = useRef<{ x: number; y: number } | null>(null);
  const [size, setSize] = useState({ width: 400, height: 400 });
  const [view, setView] = useState<View>({ x: 0, y: 0, scale: 1 });
  const fit = () => {
    const { clientWidth: width, clientHeight: height } = frame.current ?? { clientWidth: 400, clientHeight: 400 };
    const scale = Math.max(LEAST, Math.min(1, width / picture.width, height / picture.height));
    setView({ scale, x: (picture.width - width / scale) / 2, y: 0 });
  };
  useEffect(() => {
    const place = frame.current;
    if (place === null) return undefined;
    const watch = new ResizeObserver(() => setSize({ width: place.clientWidth, height: place.clientHeight }));
    watch.observe(place);
    return () => watch.disconnect();
  }, []);
  const here = picture.boxes.find((box) => box.name === props.here) ?? picture.boxes[0];
  useEffect(() => {
    if (here === undefined) return;
    const scale = view.scale < READABLE / 2 ? view.scale : READABLE;
    setView({ scale, x: here.x + picture.box_width / 2 - size.width / scale / 2, y: Math.max(0, here.y + picture.box_height / 2 - size.height / scale / 2) });
  }, [here?.name, here?.x, here?.y, size.width, size.height]);
  /** The point under (x, y) of the frame stays where it is. */
  const zoom = (by: number, x = size.width / 2, y = size.height / 2) => {
    const scale = Math.min(MOST, Math.max(LEAST, view.scale * by));
    setView({ scale, x: view.x + x / view.scale - x / scale, y: view.y + y / view.scale - y / scale });
  };
  const move = (x: number, y: number) => setView({ ...view, x: view.x + x / view.scale, y: view.y + y / view.scale });
  const key = (event: KeyboardEvent) => {
    const arrow = ARROWS[event.key];
    if (arrow) move(...arrow);
    else if (event.key === "+" || event.key === "=") zoom(STEP);
    else if (event.key === "-") zoom(1 / STEP);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
  };
  return (
    <div class={props.isOld ? "admin-canvas old" : "admin-canvas"} data-test="drawing">
      <div class="controls">
        <button type="button" class="small" aria-label={t("admin.flow.zoom_in")} title={t("admin.flow.zoom_in")} onClick={() => zoom(STEP)} data-test="zoom-in"><Icon name="plus" /></button>
        <button type="button" class="small" aria-label={t("admin.flow.zoom_out")} title={t("admin.flow.zoom_out")} onClick={() => zoom(1 / STEP)} data-test="zoom-out">−</button>
        <button type="button" class="small" onClick={fit} data-test="zoom-fit"><Icon name="full" />{t("admin.flow.fit")}</button>
        <span class="dim number" data-test="zoom">{Math.round(view.scale * 100)} %</span>
        {props.isOld && <span class="dim">{t("admin.flow.no_drawing")}</span>}
      </div>
      <div ref={frame} class="admin-frame" tabIndex={0} role="group" aria-label={`${t("admin.flow.drawing")}. ${t("admin.flow.drawing_keys")}`} onKeyDown={key}
        onWheel={(event) => { event.preventDefault(); const at = event.currentTarget.getBoundingClientRect(); zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1, event.clientX - at.left, event.clientY - at.top); }}
        onPointerDown={(event) => { if (!(event.target as Element).closest("[data-node]")) { drag.current = { x: event.clientX, y: event.clientY }; event.currentTarget.setPointerCapture(event.pointerId); } }}
        onPointerMove={(event) => { if (drag.current) { move(drag.current.x - event.clientX, drag.current.y - event.clientY); drag.current = { x: event.clientX, y: event.clientY }; } }}
        onPointerUp={() => (drag.current = null)}>
        <svg viewBox={`${view.x} ${view.y} ${size.width / view.scale} ${size.height / view.scale}`} aria-hidden={false}>
          <defs><marker id="admin-arrow" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto"><path d="M0,0 L8,4 L0,8 z" /></marker></defs>
          {picture.ways.map((way) => <Line key={`${way.start} ${way.end}`} way={way} />)}
          {picture.boxes.map((box) => <Node key={box.name} box={box} picture={picture} isHere={box.name === props.here} go={() => props.go(box.name)} />)}
        </svg>
      </div>
    </div>
  );
}

function Line({ way }: { way: Way }) {
  return (
    <g class={way.back ? "way back" : "way"}>
      <path d={way.path} marker-end="url(#admin-arrow)" />
      {way.label && <text x={way.x} y={way.y} text-anchor="middle">{way.label}</text>}
    </g>
  );
}

function Node(props: { box: Box; picture: Picture; isHere: boolean; go: () => void }) {
  const { box, picture } = props;
  return (
    <g class={`box kind-${box.kind}${props.isHere ? " here" : ""}`} data-node={box.name} data-test={`node-${box.name}`} role="button" tabIndex={0} aria-label={box.full} onClick={props.go}
      onKeyDown={(event) => { if (event.key === "Enter") props.go(); }}>
      <title>{box.full}</title>
      <rect x={box.x} y={box.y} width={picture.box_width} height={picture.box_height} rx="8" />
      {box.rows.map((row, place) => <text key={place} class={place === 0 ? "title" : ""} x={box.x + 10} y={box.y + 18 + place * 16}>{row}</text>)}
    </g>
  );
}
