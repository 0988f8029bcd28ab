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
}

export interface Task {
  turn: number;
  nodes: Box[];
  edges: Line[];
  direction: "LR" | "TB";
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

/** Returns the layout of a task. An edge's label has a place of its own, so no two labels meet. */
export function layout(task: Task): Layout {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: task.direction, nodesep: 22, ranksep: 26, edgesep: 14, marginx: 24, marginy: 24 });
  for (const { id, width, height } of task.nodes) graph.setNode(id, { width, height });
  for (const { id, source, target, width, height } of task.edges) {
    graph.setEdge(source, target, { width, height, labelpos: "c" }, id);
  }
  dagre.layout(graph);
  const place = graph.graph();
  return {
    turn: task.turn,
    width: place.width ?? 0,
    height: place.height ?? 0,
    nodes: Object.fromEntries(task.nodes.map(({ id }) => [id, point(graph.node(id))])),
    edges: Object.fromEntries(
      task.edges.map(({ id, source, target }) => {
        const edge = graph.edge(source, target, id);
        return [id, { points: (edge.points ?? []).map(point), label: point(edge) }];
      }),
    ),
  };
}

function point(place: { x?: number; y?: number }): Point {
  return { x: place.x ?? 0, y: place.y ?? 0 };
}
