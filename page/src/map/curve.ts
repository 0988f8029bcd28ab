/** Edges as smooth curves. */

import type { Point } from "./layout";

/** Returns the path of a uniform cubic B-spline along some points, which begins and ends at the outer ones. */
export function curve(points: Point[]): string {
  const [first] = points;
  const last = points.at(-1);
  if (!first || !last) return "";
  const way = [first, ...points, last];
  let path = `M${text(first)}`;
  if (points.length < 3) return `${path}L${text(last)}`;
  for (let place = 1; place < way.length - 1; place++) {
    const [one, two, three] = [way[place - 1], way[place], way[place + 1]] as [Point, Point, Point];
    if (place === 1) path += `L${text(between(one, two, 5 / 6))}`;
    else path += `C${text(between(one, two, 1 / 3))} ${text(between(one, two, 2 / 3))} ${text(knot(one, two, three))}`;
  }
  return `${path}L${text(last)}`;
}

function between(one: Point, two: Point, share: number): Point {
  return { x: one.x + (two.x - one.x) * share, y: one.y + (two.y - one.y) * share };
}

function knot(one: Point, two: Point, three: Point): Point {
  return { x: (one.x + 4 * two.x + three.x) / 6, y: (one.y + 4 * two.y + three.y) / 6 };
}

function text({ x, y }: Point): string {
  return `${x.toFixed(1)},${y.toFixed(1)}`;
}
