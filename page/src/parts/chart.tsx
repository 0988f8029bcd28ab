/** One chart: uPlot in the colours of the page, as wide as its place, to be read by pointer and by arrow keys. */

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock } from "../format";

export type Ink = (name: string) => string;
export type Build = (ink: Ink) => Omit<uPlot.Options, "width" | "height">;

export interface ChartProps {
  /** Says in words what the chart shows. */
  label: string;
  /** The chart is made anew when this changes, and else only gets its new data. */
  shape: string;
  build: Build;
  data: uPlot.AlignedData;
  height?: number;
  /** Says in words what is at a place; spoken when arrow keys move there. */
  describe?: (index: number) => string;
  pick?: (index: number) => void;
}

function ink(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const HALF_A_TIME = 26; // pixels; of the last label of the time axis
const FONT = "11px system-ui, sans-serif";
const WHOLE_STEPS = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

/** Returns the axes: times below, values at the left. */
export function axes(color: Ink, values: (value: number) => string, size = 54): uPlot.Axis[] {
  const look = { stroke: color("quiet"), font: FONT, ticks: { show: false } };
  return [
    {
      ...look,
      grid: { show: false },
      size: 30,
      gap: 9,
      space: 70,
      values: (_, splits) => splits.map((split) => clock(split).slice(-8)),
    },
    {
      ...look,
      grid: { stroke: color("line"), width: 1 },
      size,
      space: 28,
      values: (_, splits) => splits.map((split) => (split === null ? "" : values(split))),
    },
  ];
}

/** Returns the axes of a chart of whole numbers, which have no lines between them. */
export function countAxes(color: Ink, values: (value: number) => string): uPlot.Axis[] {
  const [below, left] = axes(color, values) as [uPlot.Axis, uPlot.Axis];
  return [below, { ...left, incrs: WHOLE_STEPS }];
}

/** Returns a number that changes when the colours of the page do. */
function useTheme(): number {
  const [turn, change] = useState(0);
  useEffect(() => {
    const next = () => change((before) => before + 1);
    const media = window.matchMedia("(prefers-color-scheme: dark)");
    media.addEventListener("change", next);
    window.addEventListener("theme", next);
    return () => {
      media.removeEventListener("change", next);
      window.removeEventListener("theme", next);
    };
  }, []);
  return turn;
}

export function Chart({ label, shape, build, data, height = 170, describe, pick }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const newest = useRef(data);
  const [at, move] = useState<number | null>(null);
  const theme = useTheme();
  newest.current = data;

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const built = build(ink);
    const follow = (plot: uPlot) => move(plot.cursor.idx ?? null);
    const hooks = { ...built.hooks, setCursor: [follow] };
    const made = new uPlot(
      { ...built, hooks, width: Math.max(element.clientWidth, 120), height, padding: [8, HALF_A_TIME, 0, 0] },
      newest.current,
      element,
    );
    chart.current = made;
    const sizes = new ResizeObserver(() => made.setSize({ width: Math.max(element.clientWidth, 120), height }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [shape, height, theme]);

  useEffect(() => chart.current?.setData(data), [data]);

  const last = (data[0]?.length ?? 0) - 1;
  const key = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && last >= 0) {
      const next = Math.min(Math.max((at ?? last + (step < 0 ? 1 : 0)) + step, 0), last);
      const time = data[0]?.[next];
      move(next);
      if (chart.current && time !== undefined) {
        chart.current.setCursor({ left: chart.current.valToPos(time, "x"), top: 10 });
      }
      event.preventDefault();
    } else if (event.key === "Enter" && at !== null) {
      pick?.(at);
    }
  };
  const click = () => {
    const index = chart.current?.cursor.idx;
    if (index !== null && index !== undefined) pick?.(index);
  };
  return (
    <div class={`chart${pick ? " picks" : ""}`} role="group" aria-label={label} tabIndex={0} onKeyDown={key}>
      <div ref={place} onClick={click} aria-hidden="true" />
      <p class="readout" aria-live="polite">
        {at !== null && at <= last && describe ? describe(at) : ""}
      </p>
    </div>
  );
}
