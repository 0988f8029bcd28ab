/** What is known of the node or flow that was chosen on the map. */

import { useEffect, useRef } from "preact/hooks";
import type { Destination } from "../api";
import { duration, number, plural, rate, share } from "../format";
import { link } from "../route";
import type { Drawn, Flow, Picture } from "./group";

interface PanelProps {
  picture: Picture;
  destinations: Destination[];
  selected: string;
  select: (id: string | null) => void;
  open: (id: string) => void;
}

function name(picture: Picture, id: string): string {
  return picture.nodes.find((node) => node.id === id)?.name ?? id;
}

function Flows({
  title,
  flows,
  other,
  picture,
  select,
}: {
  title: string;
  flows: Flow[];
  other: "source" | "target";
  picture: Picture;
  select: (id: string) => void;
}) {
  if (!flows.length) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul class="flows">
        {flows.map((flow) => (
          <li key={flow.id}>
            <button type="button" class="plain" onClick={() => select(flow.id)}>
              {name(picture, flow[other])}
              {flow.group && <span class="quiet"> as {flow.group}</span>}
            </button>
            <span>{rate(flow.rate)}</span>
            {flow.errors > 0 && <span class="bad">{rate(flow.errors)} fail</span>}
          </li>
        ))}
      </ul>
    </>
  );
}

function NodePanel({ node, ...props }: PanelProps & { node: Drawn }) {
  const { picture, destinations, select, open } = props;
  const choice = node.kind === "service" ? { service: node.name } : { destination: node.name };
  const destination = node.kind === "destination" && destinations.find((one) => one.name === node.name);
  return (
    <>
      <h2>{node.name}</h2>
      <p class="quiet">
        {node.kind === "service" ? "Service" : `Destination${node.system ? ` of ${node.system}` : ""}`}
      </p>
      {node.members.length > 0 && (
        <>
          <button type="button" onClick={() => open(node.id)}>
            Open this group
          </button>
          <ul class="members">
            {node.members.map((member) => (
              <li key={member.id}>{member.name}</li>
            ))}
          </ul>
        </>
      )}
      {node.findings > 0 && !node.members.length && (
        <a href={link("findings", choice)}>{plural(node.findings, "finding")}</a>
      )}
      {destination && <Groups destination={destination} />}
      <Flows
        title="From"
        flows={picture.flows.filter((flow) => flow.target === node.id)}
        other="source"
        picture={picture}
        select={select}
      />
      <Flows
        title="To"
        flows={picture.flows.filter((flow) => flow.source === node.id)}
        other="target"
        picture={picture}
        select={select}
      />
      {destination && (
        <p class="links">
          <a href={link("delivery", { text: node.name })}>Delivery</a>
          <a href={link("lag", { text: node.name })}>Lag</a>
          <a href={link("partitions", choice)}>Partitions</a>
        </p>
      )}
    </>
  );
}

function Groups({ destination }: { destination: Destination }) {
  return (
    <ul class="groups">
      {destination.groups.map((group) => (
        <li key={group.name ?? ""}>
          <b>{group.name ?? "no group"}</b>: lag {number(group.lag)} ({duration(group.lag_seconds)})
        </li>
      ))}
    </ul>
  );
}

function FlowPanel({ flow, picture }: { flow: Flow; picture: Picture }) {
  const rows: [string, string][] = [
    ["Rate", rate(flow.rate)],
    ["Errors", flow.rate ? `${rate(flow.errors)} (${share(flow.errors / flow.rate)})` : rate(flow.errors)],
    ["Duration", `p50 ${duration(flow.p50)}, p95 ${duration(flow.p95)}`],
  ];
  if (flow.kind === "process") {
    rows.push(["Queue time", `p50 ${duration(flow.queue_p50)}, p95 ${duration(flow.queue_p95)}`]);
    rows.push(
      ["Lag", `${number(flow.lag)} messages, ${duration(flow.lag_seconds)}`],
      ["In flight", number(flow.in_flight)],
    );
  }
  return (
    <>
      <h2>
        {name(picture, flow.source)} → {name(picture, flow.target)}
      </h2>
      <p class="quiet">
        {flow.kind === "send" ? "Sends" : "Processes"}
        {flow.group && ` as ${flow.group}`}
        {flow.edges > 1 && `; ${flow.edges} flows together`}
      </p>
      <dl class="facts">
        {rows.map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

export function Panel(props: PanelProps) {
  const node = props.picture.nodes.find((one) => one.id === props.selected);
  const flow = props.picture.flows.find((one) => one.id === props.selected);
  const place = useRef<HTMLElement>(null);
  // On a phone the panel of another choice may be out of sight.
  useEffect(() => place.current?.scrollIntoView({ block: "nearest" }), [props.selected]);
  if (!node && !flow) return null;
  return (
    <aside ref={place} class="panel" aria-label="Chosen on the map">
      <button type="button" class="close" aria-label="Close" onClick={() => props.select(null)}>
        ×
      </button>
      {node && <NodePanel {...props} node={node} />}
      {flow && <FlowPanel flow={flow} picture={props.picture} />}
    </aside>
  );
}
