/** How large the map's nodes and labels are, and what they say. */

import { compact, cut, duration, rate } from "../format";
import type { Drawn, Flow } from "./group";

const NODE_FONT = "600 13px system-ui, sans-serif";
const LABEL_FONT = "11px system-ui, sans-serif";
const BOLD_FONT = "600 11px system-ui, sans-serif";
const LINE = 14;
const LONGEST_NAME = 26;
const canvas = document.createElement("canvas").getContext("2d");
const widths = new Map<string, number>();

function wide(text: string, font: string): number {
  const key = font + text;
  const known = widths.get(key);
  if (known !== undefined) return known;
  if (canvas) canvas.font = font;
  const width = canvas?.measureText(text).width ?? text.length * 7;
  if (widths.size > 5_000) widths.clear();
  widths.set(key, width);
  return width;
}

export interface Size {
  width: number;
  height: number;
}

export function title(node: Drawn): string {
  return cut(node.name, LONGEST_NAME);
}

export function subtitle(node: Drawn): string {
  if (node.members.length) return `${node.members.length} ${node.kind}s`;
  return node.kind === "service" ? "service" : (node.system ?? "destination");
}

export function nodeSize(node: Drawn): Size {
  const text = Math.max(wide(title(node), NODE_FONT), wide(subtitle(node), LABEL_FONT));
  return { width: Math.ceil(text) + 42, height: 46 };
}

export interface Label {
  id: string;
  text: string;
  tone: "" | "bad" | "late" | "quiet";
}

const LATE_SECONDS = 10;

/** Returns what stands at a flow: how much, how long, how far behind. */
export function label(flow: Flow): Label[] {
  const lines: Label[] = [{ id: "rate", text: rate(flow.rate), tone: "" }];
  if (flow.errors > 0) lines.push({ id: "fail", text: `${rate(flow.errors)} fail`, tone: "bad" });
  if (flow.p95 !== null) lines.push({ id: "p95", text: `p95 ${duration(flow.p95)}`, tone: "quiet" });
  if (flow.kind === "process" && (flow.lag ?? 0) > 0) {
    const behind = flow.lag_seconds === null ? "" : ` · ${duration(flow.lag_seconds)}`;
    const late = (flow.lag_seconds ?? flow.queue_p95 ?? 0) > LATE_SECONDS;
    lines.push({ id: "lag", text: `lag ${compact(flow.lag)}${behind}`, tone: late ? "late" : "quiet" });
  }
  return lines;
}

/** Returns how wide the lines of a label are. */
export function labelWidth(lines: Label[]): number {
  const font = ({ tone }: Label) => (tone === "bad" || tone === "late" ? BOLD_FONT : LABEL_FONT);
  return lines.reduce((most, line) => Math.max(most, wide(line.text, font(line))), 0) + 10;
}

/** Returns the room that a label gets: for as much as may come to stand there, so that the map does not jump. */
export function labelSize(flow: Flow): Size {
  const longest = flow.kind === "process" ? "lag 99.9K · 99.9 min" : "p95 99.9 min";
  return { width: Math.ceil(wide(longest, LABEL_FONT)) + 10, height: LINE * (flow.kind === "process" ? 4 : 3) };
}
