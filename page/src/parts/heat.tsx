/** The heat map: how many durations lie between two bounds, in each interval. */

import { useMemo } from "preact/hooks";
import type uPlot from "uplot";
import type { HeatAnswer } from "../answers";
import { clock, duration, number } from "../format";
import { middles } from "./bars";
import { axes, type Build, Chart } from "./chart";

const SHADES = 6;

/** Returns the first and the last row that have a value, so that empty ones take no room. */
function extent({ counts }: HeatAnswer): [number, number] {
  const used = counts.flatMap((row) => row.flatMap((count, place) => (count ? [place] : [])));
  const low = used.reduce((least, place) => Math.min(least, place), Number.POSITIVE_INFINITY);
  const high = used.reduce((most, place) => Math.max(most, place), 0);
  return [Number.isFinite(low) ? Math.max(low - 1, 0) : 0, high + 1];
}

/** Returns what stands at the upper end of a row. */
function bound({ bounds }: HeatAnswer, row: number): string {
  const upper = bounds[row];
  return upper === null || upper === undefined ? "more" : duration(upper);
}

function paint(plot: uPlot, heat: HeatAnswer, ink: (name: string) => string): void {
  const shades = Array.from({ length: SHADES }, (_, turn) => ink(`heat-${turn + 1}`));
  const most = Math.log1p(heat.counts.reduce((high, row) => Math.max(high, ...row), 1));
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  heat.times.forEach((time, column) => {
    const left = plot.valToPos(time, "x", true);
    const width = Math.max(plot.valToPos(time + heat.step, "x", true) - left - 1, 1);
    heat.counts[column]?.forEach((count, row) => {
      if (!count) return;
      const shade = Math.min(Math.floor((Math.log1p(count) / most) * SHADES), SHADES - 1);
      const top = plot.valToPos(row + 1, "y", true);
      ctx.fillStyle = shades[shade] ?? "gray";
      ctx.fillRect(left, top, width, plot.valToPos(row, "y", true) - top - 1);
    });
    if (heat.errors[column]) {
      ctx.fillStyle = ink("failed");
      ctx.fillRect(left, bbox.top, width, 4 * devicePixelRatio);
    }
  });
  ctx.restore();
}

export function HeatMap({ heat }: { heat: HeatAnswer }) {
  const [low, high] = useMemo(() => extent(heat), [heat]);
  const data = useMemo<uPlot.AlignedData>(
    () => [heat.times.map((time) => time + heat.step / 2), heat.times.map(() => null)],
    [heat],
  );
  // The chart is made once, and draws what is newest.
  const newest = useMemo(() => ({ heat }), []);
  newest.heat = heat;
  const build: Build = (ink) => {
    const [across, up] = axes(ink, (row) => bound(newest.heat, row - 1), 62) as [uPlot.Axis, uPlot.Axis];
    return {
      axes: [across, { ...up, grid: { show: false }, splits: (_, __, from, to) => rows(from, to) }],
      scales: {
        x: middles(heat.step),
        y: { range: () => extent(newest.heat) },
      },
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { show: false } },
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: { draw: [(plot) => paint(plot, newest.heat, ink)] },
    };
  };
  const told = (index: number) => {
    const counts = heat.counts[index] ?? [];
    const sum = counts.reduce((total, count) => total + count, 0);
    const half = counts.findIndex((_, row) => counts.slice(0, row + 1).reduce((a, b) => a + b, 0) * 2 >= sum);
    return `${clock(heat.times[index])}: ${number(sum)} processed, half of them within ${bound(heat, half)}, ${number(heat.errors[index])} failed`;
  };
  return (
    <Chart
      label="Heat map of processing durations"
      shape={`${low}-${high}-${heat.step}`}
      build={build}
      data={data}
      height={240}
      describe={told}
    />
  );
}

/** Returns the rows that get a text: at most eight. */
function rows(from: number, to: number): number[] {
  const step = Math.max(1, Math.ceil((to - from) / 8));
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, turn) => from + turn * step);
}
