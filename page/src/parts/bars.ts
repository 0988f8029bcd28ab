/** Bars that are exactly as wide as their interval. */

import type uPlot from "uplot";

/** Returns how uPlot draws bars that begin at a time and last one step. */
export function bars(step: number): uPlot.Series.PathBuilder {
  return (plot, series, from, to) => {
    const fill = new Path2D();
    const [times, values] = [plot.data[0], plot.data[series] ?? []];
    const zero = plot.valToPos(0, "y", true);
    for (let index = from; index <= to; index++) {
      const [time, value] = [times[index], values[index]];
      if (time === undefined || !value) continue;
      const left = plot.valToPos(time, "x", true);
      const right = plot.valToPos(time + step, "x", true);
      const top = plot.valToPos(value, "y", true);
      const gap = right - left > 4 ? 1 : 0;
      fill.rect(left + gap, top, Math.max(right - left - gap, 1), zero - top);
    }
    return { fill };
  };
}
