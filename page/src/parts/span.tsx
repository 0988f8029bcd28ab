/** How far a view looks back: as far as there is something, at most a quarter of an hour, or as a person chooses. */

import { useLive } from "../live";
import { choose, useRoute } from "../route";
import { Select } from "./common";

const SPANS = [
  { value: "60", text: "last minute" },
  { value: "300", text: "last 5 minutes" },
  { value: "900", text: "last 15 minutes" },
  { value: "3600", text: "last hour" },
  { value: "21600", text: "last 6 hours" },
  { value: "86400", text: "last day" },
];
const USUAL = "900";

/** Returns the seconds that a view looks back. */
export function useSeconds(): string {
  const { seconds } = useRoute().choices;
  const age = useLive(({ snapshot }) => {
    if (!snapshot) return Number(USUAL);
    const age = snapshot.now - Math.min(snapshot.began, snapshot.heard.kept_from ?? snapshot.began);
    return Number(SPANS.find(({ value }) => age <= Number(value))?.value ?? USUAL);
  });
  return seconds ?? String(Math.min(age, Number(USUAL)));
}

export function TimeSpan({ value }: { value: string }) {
  return <Select label="Time" value={value} options={SPANS} change={(seconds) => choose({ seconds })} />;
}
