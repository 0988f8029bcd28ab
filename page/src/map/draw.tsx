/** The map as a drawing: flows below, then their labels, then the nodes. */

import { curve } from "./curve";
import type { Drawn, Flow, Picture } from "./group";
import type { Layout } from "./layout";
import { label, labelWidth, nodeSize, subtitle, title } from "./measure";

const LINE = 14;
const PACES = [1, 10, 100, 1000]; // messages in a second
const LATE_SECONDS = 10;

export interface DrawProps {
  picture: Picture;
  layout: Layout;
  labels: boolean;
  scale: number;
  selected: string | null;
  select: (id: string) => void;
}

function tone(flow: Flow): string {
  if (flow.errors > 0) return "bad";
  return (flow.lag_seconds ?? flow.queue_p95 ?? 0) > LATE_SECONDS ? "late" : "";
}

function touches(flow: Flow, id: string | null): boolean {
  return id === null || flow.source === id || flow.target === id || flow.id === id;
}

interface FlowProps {
  flow: Flow;
  layout: Layout;
  pulses: boolean;
  dim: boolean;
  touched: boolean;
}

function FlowLine({ flow, layout, pulses, dim, touched }: FlowProps) {
  const place = layout.edges[flow.id];
  if (!place) return null;
  const path = curve(place.points);
  const width = (1.2 + Math.log10(1 + flow.rate)).toFixed(1);
  const classes = `${tone(flow)}${dim ? " dim" : ""}${touched ? " touched" : ""}`;
  return (
    <g class={classes}>
      <path class="flow" d={path} stroke-width={width} marker-end={`url(#tip${tone(flow)})`} />
      {pulses && flow.rate > 0 && (
        <path class={`pulse pace${PACES.filter((pace) => flow.rate >= pace).length}`} d={path} />
      )}
    </g>
  );
}

function FlowLabel({ flow, layout, dim, select }: { flow: Flow; layout: Layout; dim: boolean; select: () => void }) {
  const place = layout.edges[flow.id]?.label;
  if (!place) return null;
  const lines = label(flow);
  const top = place.y - (lines.length * LINE) / 2;
  const wide = labelWidth(lines);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the panel of each node has its flows as buttons.
    <g class={`label${dim ? " dim" : ""}`} data-flow={flow.id} onClick={select}>
      <rect x={place.x - wide / 2} y={top - 2} width={wide} height={lines.length * LINE + 4} rx={5} />
      {lines.map((line, turn) => (
        <text key={line.id} class={line.tone} x={place.x} y={top + LINE * (turn + 0.8)} text-anchor="middle">
          {line.text}
        </text>
      ))}
    </g>
  );
}

function counted(findings: number): string {
  return findings > 99 ? "99+" : String(findings);
}

function Mark({ node, x, y }: { node: Drawn; x: number; y: number }) {
  if (!node.findings || !node.worst) return null;
  return (
    <g class={`mark ${node.worst.toLowerCase()}`} transform={`translate(${x},${y})`}>
      <rect x={-13} y={-9} width={26} height={18} rx={9} />
      <text text-anchor="middle" y={4}>
        {counted(node.findings)}
      </text>
    </g>
  );
}

function spoken(node: Drawn): string {
  const findings = node.findings ? ` ${counted(node.findings)} ${node.findings === 1 ? "finding" : "findings"}` : "";
  return `${title(node)} ${subtitle(node)}${findings}`; // begins with what is seen, as those who speak to a page expect
}

function Node(props: { node: Drawn; layout: Layout; selected: boolean; select: () => void }) {
  const { node, layout, selected, select } = props;
  const place = layout.nodes[node.id];
  if (!place) return null;
  const { width, height } = nodeSize(node);
  const key = (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    select();
  };
  return (
    <g
      class={`node ${node.kind}${node.members.length ? " group" : ""}${selected ? " selected" : ""}`}
      transform={`translate(${place.x - width / 2},${place.y - height / 2})`}
      role="button"
      tabindex={0}
      aria-pressed={selected}
      aria-label={spoken(node)}
      data-node={node.id}
      onClick={select}
      onKeyDown={key}
    >
      {node.members.length > 0 && <rect class="behind" x={4} y={-4} width={width} height={height} rx={9} />}
      <rect class="box" width={width} height={height} rx={node.kind === "service" ? 9 : 23} />
      <Glyph kind={node.kind} />
      <text class="name" x={32} y={20}>
        {`${title(node)} `}
      </text>
      <text class="kind" x={32} y={35}>
        {`${subtitle(node)} `}
      </text>
      <Mark node={node} x={width - 8} y={0} />
    </g>
  );
}

function Glyph({ kind }: { kind: Drawn["kind"] }) {
  if (kind === "service") return <path class="glyph" d="M12 17h12v12H12zM15 17v-3M21 17v-3M15 32v-3M21 32v-3" />;
  return <path class="glyph" d="M12 17h11M12 23h14M12 29h8" />;
}

export function Drawing({ picture, layout, labels, scale, selected, select }: DrawProps) {
  const { width, height } = layout;
  const lines = picture.flows.length <= 80;
  return (
    <svg
      class={labels ? "map" : "map dense"}
      role="group"
      aria-label="Flow map: services, destinations and what flows between them"
      viewBox={`0 0 ${width} ${height}`}
      width={width * scale}
      height={height * scale}
    >
      <defs>
        {["", "bad", "late"].map((name) => (
          <marker
            key={name}
            id={`tip${name}`}
            class={`tip ${name}`}
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerUnits="userSpaceOnUse"
            markerWidth="9"
            markerHeight="9"
            orient="auto"
          >
            <path d="M0 0L8 4L0 8z" />
          </marker>
        ))}
      </defs>
      {picture.flows.map((flow) => (
        <FlowLine
          key={flow.id}
          flow={flow}
          layout={layout}
          pulses={lines}
          dim={!touches(flow, selected)}
          touched={selected !== null && touches(flow, selected)}
        />
      ))}
      {labels &&
        picture.flows.map((flow) => (
          <FlowLabel
            key={flow.id}
            flow={flow}
            layout={layout}
            dim={!touches(flow, selected)}
            select={() => select(flow.id)}
          />
        ))}
      {picture.nodes.map((node) => (
        <Node
          key={node.id}
          node={node}
          layout={layout}
          selected={node.id === selected}
          select={() => select(node.id)}
        />
      ))}
    </svg>
  );
}
