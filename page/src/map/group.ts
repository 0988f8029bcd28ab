/** What the map draws: all nodes, or groups of them where there are too many to read. */

import type { Known, MapEdge, MapNode, Verdict } from "../api";

export const MOST_NODES = 40;

export interface Drawn {
  id: string;
  kind: MapNode["kind"];
  name: string;
  system: string | null;
  findings: number;
  worst: Verdict | null;
  /** What is folded into it, for a group. */
  members: MapNode[];
}

export interface Flow extends MapEdge {
  edges: number;
}

export interface Picture {
  nodes: Drawn[];
  flows: Flow[];
  folded: boolean;
}

/** Returns what stands before the last separator of a name; the whole where there is none. */
function family(name: string): string {
  return name.split(/[.\-_/: ]/)[0] || name;
}

function larger(one: Known, other: Known): Known {
  if (one === null) return other;
  return other === null ? one : Math.max(one, other);
}

/** Returns the most that two flows have: a group is as late as its latest. */
function merged(one: Flow, other: MapEdge): Flow {
  return {
    ...one,
    group: one.group === other.group ? one.group : null,
    rate: one.rate + other.rate,
    errors: one.errors + other.errors,
    p50: larger(one.p50, other.p50),
    p95: larger(one.p95, other.p95),
    lag: one.lag === null || other.lag === null ? larger(one.lag, other.lag) : one.lag + other.lag,
    lag_seconds: larger(one.lag_seconds, other.lag_seconds),
    queue_p50: larger(one.queue_p50, other.queue_p50),
    queue_p95: larger(one.queue_p95, other.queue_p95),
    in_flight:
      one.in_flight === null || other.in_flight === null
        ? larger(one.in_flight, other.in_flight)
        : one.in_flight + other.in_flight,
    findings: one.findings + other.findings,
    worst: worst([one.worst, other.worst]),
    edges: one.edges + 1,
  };
}

/** Returns the key of the group that a node belongs to. */
function keys(nodes: MapNode[]): Map<string, string> {
  const names = new Map(nodes.map((node) => [node.id, `${node.kind}:${family(node.name)}`]));
  const sizes = new Map<string, number>();
  for (const key of names.values()) sizes.set(key, (sizes.get(key) ?? 0) + 1);
  if (sizes.size <= MOST_NODES) return names;
  // Still too many families: the smallest ones of a kind share a group.
  const kept = new Set(
    [...sizes]
      .sort((one, other) => other[1] - one[1])
      .slice(0, MOST_NODES - 2)
      .map(([key]) => key),
  );
  return new Map(
    nodes.map((node) => [node.id, kept.has(names.get(node.id) ?? "") ? (names.get(node.id) ?? "") : `${node.kind}:*`]),
  );
}

const RANKS: Verdict[] = ["CONFIRMED", "LIKELY", "SUSPECT"];

function worst(verdicts: (Verdict | null)[]): Verdict | null {
  return RANKS.find((rank) => verdicts.includes(rank)) ?? null;
}

function drawn(key: string, members: MapNode[]): Drawn {
  const [first] = members;
  if (members.length === 1 && first) return { ...first, members: [] };
  const kind = first?.kind ?? "service";
  const name = key.slice(key.indexOf(":") + 1);
  return {
    id: `group:${key}`,
    kind,
    name: name === "*" ? "others" : `${name}…`,
    system: first?.system ?? null,
    findings: members.reduce((sum, member) => sum + member.findings, 0),
    worst: worst(members.map((member) => member.worst)),
    members,
  };
}

/** Returns the picture: groups where there are more nodes than can be read, but for those that were opened. */
export function picture(nodes: MapNode[], edges: MapEdge[], opened: ReadonlySet<string>): Picture {
  const folded = nodes.length > MOST_NODES;
  const names = folded ? keys(nodes) : new Map<string, string>();
  const groups = new Map<string, MapNode[]>();
  for (const node of nodes) {
    const key = names.get(node.id);
    const place = key && !opened.has(`group:${key}`) ? key : `one:${node.id}`;
    groups.set(place, [...(groups.get(place) ?? []), node]);
  }
  const shown = [...groups].map(([key, members]) => drawn(key, members));
  const home = new Map<string, string>();
  for (const node of shown)
    for (const member of node.members.length ? node.members : [node]) home.set(member.id, node.id);
  return { nodes: shown, flows: flows(edges, home), folded };
}

function flows(edges: MapEdge[], home: Map<string, string>): Flow[] {
  const found = new Map<string, Flow>();
  for (const edge of edges) {
    const source = home.get(edge.source);
    const target = home.get(edge.target);
    if (!source || !target) continue;
    const alone = source === edge.source && target === edge.target;
    const id = alone ? edge.id : `${source}→${target}`;
    const before = found.get(id);
    found.set(id, before ? merged(before, edge) : { ...edge, id, source, target, edges: 1 });
  }
  return [...found.values()];
}
