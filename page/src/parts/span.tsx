/** The time that a view is about: the last minutes, or all that is kept, as a record that is opened again needs. */

import type { Snapshot } from "../api";
import { useLive } from "../live";
import { choose, useRoute } from "../route";
import { Select } from "./common";

const SPANS = [
  { value: "60", text: "last minute" },
  { value: "120", text: "last 2 minutes" },
  { value: "300", text: "last 5 minutes" },
  { value: "900", text: "last 15 minutes" },
  { value: "3600", text: "last hour" },
  { value: "21600", text: "last 6 hours" },
  { value: "86400", text: "last day" },
  { value: "all", text: "all that is kept" },
];
const MOST_SECONDS = 900; // that a view looks back by itself
const ROUND_SECONDS = 10; // so that not every second brings another question

export interface Time {
  /** The choice, as it stands in the list. */
  value: string;
  /** The time as questions have it. */
  range: { seconds?: string; since?: number; until?: number };
}

/** Returns the choice that shows something: as far back as there is anything, at most a quarter of an hour. */
function usual({ now, began, heard }: Snapshot): string {
  if (heard.kept_to !== null && now - heard.kept_to > MOST_SECONDS) return "all";
  const age = Math.min(now - Math.min(began, heard.kept_from ?? began), MOST_SECONDS);
  return SPANS.find(({ value }) => age <= Number(value))?.value ?? String(MOST_SECONDS);
}

/** Returns the time that a view is about. */
export function useTime(): Time {
  const chosen = useRoute().choices.time;
  const value = useLive(({ snapshot }) => chosen ?? (snapshot ? usual(snapshot) : String(MOST_SECONDS)));
  const since = useLive(({ snapshot }) => rounded(snapshot?.heard.kept_from, Math.floor));
  const until = useLive(({ snapshot }) => rounded(snapshot?.heard.kept_to, Math.ceil));
  if (value !== "all" || since === null || until === null) {
    return { value, range: { seconds: value === "all" ? String(MOST_SECONDS) : value } };
  }
  return { value, range: { since, until: until + 1 } };
}

function rounded(time: number | null | undefined, round: (value: number) => number): number | null {
  return time === null || time === undefined ? null : round(time / ROUND_SECONDS) * ROUND_SECONDS;
}

export function TimeSpan({ time }: { time: Time }) {
  return <Select label="Time" value={time.value} options={SPANS} change={(value) => choose({ time: value })} />;
}
