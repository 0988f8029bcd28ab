/** Bars that are exactly as wide as their interval. */

import type uPlot from "uplot";

/** Returns the scale of times at which intervals have their middle. */
export function middles(step: number): uPlot.Scale {
  return { time: true, range: (_, from, to) => [(from ?? 0) - step / 2, (to ?? 0) + step / 2] };
}

/** Returns how uPlot draws bars that begin at a time and last one step, each on the top of the series after it.
 *
 *  The middle of a bar is where the chart has it, so that a pointer anywhere on a bar is nearest to this one. */
export function bars(step: number): uPlot.Series.PathBuilder {
  return (plot, series, from, to) => {
    const fill = new Path2D();
    const [times, values, below] = [plot.data[0], plot.data[series] ?? [], plot.data[series + 1] ?? []];
    for (let index = from; index <= to; index++) {
      const [time, value] = [times[index], values[index]];
      const floor = below[index] ?? 0;
      if (time === undefined || !value || value === floor) continue;
      const left = plot.valToPos(time - step / 2, "x", true);
      const right = plot.valToPos(time + step / 2, "x", true);
      const top = plot.valToPos(value, "y", true);
      const gap = right - left > 4 ? 1 : 0;
      fill.rect(left + gap, top, Math.max(right - left - gap, 1), plot.valToPos(floor, "y", true) - top);
    }
    return { fill };
  };
}
