/** Where nodes and edges of the map lie: worked out beside the page, so that it answers meanwhile. */

import dagre from "@dagrejs/dagre";

export interface Box {
  id: string;
  width: number;
  height: number;
}

export interface Line extends Box {
  source: string;
  target: string;
  kind: "send" | "process";
}

export interface Task {
  turn: number;
  nodes: Box[];
  edges: Line[];
  direction: "LR" | "TB";
  /** Whether services stand on one side and destinations on the other: many flows would cross everywhere in ranks. */
  sides: boolean;
}

export interface Point {
  x: number;
  y: number;
}

export interface Layout {
  turn: number;
  width: number;
  height: number;
  nodes: Record<string, Point>;
  edges: Record<string, { points: Point[]; label: Point }>;
}

const IN_RANKS = { nodesep: 22, ranksep: 36, edgesep: 14 };
const ON_SIDES = { nodesep: 14, ranksep: 340, edgesep: 0 };
const BESIDE = 5; // how far a flow to and one from the same node lie apart

interface Placed {
  x?: number;
  y?: number;
  width?: number;
  height?: number;
}

interface Graph {
  node(id: string): Placed | undefined;
  edge(source: string, target: string, name: string): { points?: Placed[] } & Placed;
}

/** Returns the layout of a task. An edge's label has a place of its own, so no two labels meet. */
export function layout(task: Task): Layout {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: task.direction, marginx: 24, marginy: 24, ...(task.sides ? ON_SIDES : IN_RANKS) });
  for (const { id, width, height } of task.nodes) graph.setNode(id, { width, height });
  for (const edge of task.edges) {
    const [from, to] = ends(edge, task.sides);
    // Of the flows between two nodes on sides one is enough to say that they belong together.
    graph.setEdge(
      from,
      to,
      { width: edge.width, height: edge.height, labelpos: "c" },
      task.sides ? undefined : edge.id,
    );
  }
  dagre.layout(graph);
  const whole = graph.graph();
  return {
    turn: task.turn,
    width: whole.width ?? 0,
    height: whole.height ?? 0,
    nodes: Object.fromEntries(task.nodes.map(({ id }) => [id, point(graph.node(id))])),
    edges: Object.fromEntries(
      task.edges.map((edge) => [edge.id, task.sides ? across(graph, edge, task) : along(graph, edge)]),
    ),
  };
}

/** Returns the nodes of an edge, in the order in which they are laid out: on sides the service is first. */
function ends(edge: Line, sides: boolean): [string, string] {
  return sides && edge.kind === "process" ? [edge.target, edge.source] : [edge.source, edge.target];
}

function along(graph: Graph, { id, source, target }: Line): Layout["edges"][string] {
  const edge = graph.edge(source, target, id);
  return { points: (edge.points ?? []).map(point), label: point(edge) };
}

/** Returns the way of an edge from one side to the other. */
function across(graph: Graph, edge: Line, { direction }: Task): Layout["edges"][string] {
  const [service, destination] = ends(edge, true).map((id) => graph.node(id));
  const shift = edge.kind === "send" ? -BESIDE : BESIDE;
  const across = direction === "LR";
  const out = (node: Placed | undefined, side: 1 | -1): Point => {
    const { x, y } = point(node ?? {});
    const half = (across ? (node?.width ?? 0) : (node?.height ?? 0)) / 2;
    return across ? { x: x + side * half, y: y + shift } : { x: x + shift, y: y + side * half };
  };
  const [from, to] = [out(service, 1), out(destination, -1)];
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  const points = across
    ? [from, { x: middle.x, y: from.y }, { x: middle.x, y: to.y }, to]
    : [from, { x: from.x, y: middle.y }, { x: to.x, y: middle.y }, to];
  return { points: edge.kind === "process" ? points.reverse() : points, label: middle };
}

function point(place: Placed): Point {
  return { x: place.x ?? 0, y: place.y ?? 0 };
}
