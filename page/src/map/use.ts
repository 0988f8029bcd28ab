/** The layout of a picture, worked out in a worker; anew only when what is drawn changes, not when rates do. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Picture } from "./group";
import type { Layout, Task } from "./layout";
import { labelSize, nodeSize } from "./measure";

/** Returns a text that differs when another layout is needed. */
function outline({ nodes, flows }: Picture): string {
  return JSON.stringify([nodes.map((node) => [node.id, node.name]), flows.map((flow) => flow.id)]);
}

export function useLayout(picture: Picture, labels: boolean, direction: Task["direction"]): Layout | null {
  const worker = useRef<Worker | null>(null);
  const turn = useRef(0);
  const [layout, change] = useState<Layout | null>(null);
  useEffect(() => {
    const made = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    made.onmessage = (event: MessageEvent<Layout>) => event.data.turn === turn.current && change(event.data);
    worker.current = made;
    return () => made.terminate();
  }, []);
  const shape = `${outline(picture)}${labels}${direction}`;
  useEffect(() => {
    turn.current += 1;
    const none = { width: 1, height: 1 };
    const task: Task = {
      turn: turn.current,
      direction,
      nodes: picture.nodes.map((node) => ({ id: node.id, ...nodeSize(node) })),
      sides: !labels,
      edges: picture.flows.map((flow) => ({
        id: flow.id,
        source: flow.source,
        target: flow.target,
        kind: flow.kind,
        ...(labels ? labelSize(flow) : none),
      })),
    };
    worker.current?.postMessage(task);
  }, [shape]);
  return layout;
}
