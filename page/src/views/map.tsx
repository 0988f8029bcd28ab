/** The flow map: who sends what to whom, now. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Snapshot } from "../api";
import { number, plural, rate } from "../format";
import { useLive } from "../live";
import { Drawing } from "../map/draw";
import { picture as pictured } from "../map/group";
import { Panel } from "../map/panel";
import { useLayout } from "../map/use";
import { Empty, Head, LeftOff, Tile } from "../parts/common";
import { link } from "../route";

const NARROW = 640;
const MOST_LABELS = 60;
const LEAST_SCALE = 0.6;
const MOST_SCALE = 1.25;
const STEP = 1.25;

/** Returns how wide a part of the page is. */
function useWidth() {
  const place = useRef<HTMLDivElement>(null);
  const [width, change] = useState(0);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const sizes = new ResizeObserver(() => change(element.clientWidth));
    sizes.observe(element);
    return () => sizes.disconnect();
  }, []);
  return { place, width };
}

function Tiles({ snapshot }: { snapshot: Snapshot }) {
  const sum = (key: "sent_rate" | "processed_rate" | "failed_rate") =>
    snapshot.destinations.reduce((total, one) => total + one[key], 0);
  const failed = sum("failed_rate");
  const lags = snapshot.destinations.flatMap((one) => one.groups.map((group) => group.lag ?? 0));
  const { CONFIRMED = 0, LIKELY = 0, SUSPECT = 0 } = snapshot.findings.by_verdict;
  return (
    <div class="tiles">
      <Tile value={rate(sum("sent_rate"))} name="sent" />
      <Tile value={rate(sum("processed_rate"))} name="processed" />
      <Tile value={rate(failed)} name="failed" tone={failed > 0 ? "bad" : undefined} />
      <Tile value={number(lags.reduce((total, lag) => total + lag, 0))} name="messages of lag" />
      <a class="tile" href={link("findings")}>
        <b class={CONFIRMED ? "bad" : undefined}>{number(snapshot.findings.number)}</b>
        <span>
          findings: {CONFIRMED} confirmed, {LIKELY} likely, {SUSPECT} suspect
        </span>
      </a>
    </div>
  );
}

function Zoom({ scale, change }: { scale: number; change: (scale: number | null) => void }) {
  return (
    <div class="zoom">
      <button type="button" aria-label="Smaller" onClick={() => change(scale / STEP)}>
        −
      </button>
      <button type="button" onClick={() => change(null)}>
        Fit
      </button>
      <button type="button" aria-label="Larger" onClick={() => change(scale * STEP)}>
        +
      </button>
    </div>
  );
}

function Chart({ snapshot }: { snapshot: Snapshot }) {
  const [opened, open] = useState<ReadonlySet<string>>(new Set());
  const [selected, select] = useState<string | null>(null);
  const [zoom, change] = useState<number | null>(null);
  const { place, width } = useWidth();
  const { nodes, edges, left_off } = snapshot;
  const picture = useMemo(() => pictured(nodes, edges, opened), [nodes, edges, opened]);
  const labels = picture.flows.length <= MOST_LABELS;
  const layout = useLayout(picture, labels, width && width < NARROW ? "TB" : "LR");
  const fit = layout ? Math.min(Math.max(width / layout.width, LEAST_SCALE), labels ? MOST_SCALE : 1) : 1;
  const scale = zoom ?? fit;
  const unfold = (id: string) => {
    open(new Set([...opened, id]));
    select(null);
  };
  const toggle = (id: string | null) => select(id === selected ? null : id);
  return (
    <>
      <div class="map-tools">
        <p class="legend">
          <span class="key service">service</span>
          <span class="key destination">destination</span>
          <span class="key bad">errors</span>
          <span class="key late">late</span>
          {!labels && <span class="quiet">Choose a node to read its flows.</span>}
        </p>
        {picture.folded && (
          <p class="quiet">
            {plural(nodes.length, "node")} in groups.{" "}
            {opened.size > 0 && (
              <button type="button" class="plain" onClick={() => open(new Set())}>
                Close all groups
              </button>
            )}
          </p>
        )}
        <LeftOff of={left_off} />
        <Zoom scale={scale} change={change} />
      </div>
      <div class="map-and-panel">
        <section class="map-place" ref={place} aria-label="Flow map" tabIndex={0}>
          {layout && <Drawing {...{ picture, layout, labels, scale, selected, select: toggle }} />}
        </section>
        {selected && (
          <Panel
            picture={picture}
            destinations={snapshot.destinations}
            selected={selected}
            select={select}
            open={unfold}
          />
        )}
      </div>
    </>
  );
}

export function MapView() {
  const { snapshot, problem } = useLive((live) => live);
  return (
    <>
      <Head title="Flow map" says="Services, the destinations between them, and what flows now: the last minute." />
      {snapshot && <Tiles snapshot={snapshot} />}
      {snapshot && snapshot.nodes.length > 0 && <Chart snapshot={snapshot} />}
      {snapshot && !snapshot.nodes.length && (
        <Empty>
          Nothing is heard yet. It listens to {snapshot.heard.sources.join(", ") || "nothing"}; run a service with
          OTEL_EXPORTER_OTLP_ENDPOINT set to that address.
        </Empty>
      )}
      {!snapshot && <Empty>{problem ?? "Connecting to the server …"}</Empty>}
    </>
  );
}
