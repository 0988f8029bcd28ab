/** Numbers, durations and times as people read them. */

import type { Known } from "./api";

const UNKNOWN = "–";
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

export function number(value: Known | undefined): string {
  return value === null || value === undefined ? UNKNOWN : whole.format(value);
}

export function compact(value: Known | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  return Math.abs(value) < 10_000 ? whole.format(value) : short.format(value);
}

export function rate(value: Known | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  if (value !== 0 && value < 0.1) return `${(value * 60).toFixed(1)}/min`;
  return `${value < 10 && value !== 0 ? value.toFixed(1) : compact(value)}/s`;
}

export function duration(value: Known | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  const size = Math.abs(value);
  if (size >= 172_800) return `${(value / 86_400).toFixed(1)} d`;
  if (size >= 5_400) return `${(value / 3_600).toFixed(1)} h`;
  if (size >= 90) return `${(value / 60).toFixed(1)} min`;
  if (size >= 1) return `${value.toFixed(size < 10 ? 2 : 1)} s`;
  if (size >= 0.001 || size === 0) return `${(value * 1e3).toFixed(size < 0.01 && size > 0 ? 1 : 0)} ms`;
  return `${(value * 1e6).toFixed(0)} µs`;
}

export function share(value: Known | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  const percent = value * 100;
  return `${percent !== 0 && percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

/** Returns the time of day; with the date if that is another day than today. */
export function clock(seconds: Known | undefined): string {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  const time = new Date(seconds * 1000);
  const two = (count: number) => String(count).padStart(2, "0");
  const today = time.toDateString() === new Date().toDateString();
  // By the person's own clock, as the time is.
  return (today ? "" : `${two(time.getMonth() + 1)}-${two(time.getDate())} `) + time.toTimeString().slice(0, 8);
}

/** Returns a moment of a report ("2026-11-29T12:00:00.000000000Z") as a time of day. */
export function moment(text: string | null): string {
  const time = text ? Date.parse(text.replace(/(\.\d{3})\d+/, "$1")) : Number.NaN;
  return Number.isNaN(time) ? (text ?? UNKNOWN) : clock(time / 1000);
}

/** Returns a text of at most so many characters: the middle is left out, since ends tell names apart. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const head = Math.ceil((length - 1) * 0.6);
  return `${text.slice(0, head)}…${text.slice(text.length - (length - 1 - head))}`;
}

export function plural(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
}
