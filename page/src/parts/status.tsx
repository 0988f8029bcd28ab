/** What is heard, whether the page is up to date, and what was refused: one line, and all of it below. */

import { clock, compact, duration, number, plural } from "../format";
import { useLive } from "../live";

export function Status() {
  const { snapshot, connected, problem } = useLive((live) => live);
  if (!snapshot) return <p class="status">{problem ?? "Connecting …"}</p>;
  const { heard } = snapshot;
  const refusals = heard.refused.reduce((sum, one) => sum + one.number, 0);
  const behind = heard.behind_seconds;
  return (
    <details class="status">
      <summary>
        <span class={`lamp ${connected ? "on" : "off"}`} aria-hidden="true" />
        <span>{connected ? "Live" : "Not connected"}</span>
        <span>{compact(heard.spans_per_second)} spans/s</span>
        <span class="wide">{compact(heard.spans)} spans heard</span>
        {behind > 2 && <span class="warn">{duration(behind)} behind</span>}
        {heard.notes.length > 0 && <span class="warn">{plural(heard.notes.length, "note")}</span>}
        {refusals > 0 && <span class="warn">{compact(refusals)} refused</span>}
      </summary>
      <dl>
        <dt>Since</dt>
        <dd>{clock(snapshot.began)}</dd>
        <dt>Heard</dt>
        <dd>
          {plural(heard.spans, "span")}, {plural(heard.metrics, "metric point")}, {plural(heard.logs, "log record")}
        </dd>
        <dt>Listens to</dt>
        <dd>{heard.sources.join(", ") || "nothing"}</dd>
        <dt>Services</dt>
        <dd>{heard.services.join(", ") || "none yet"}</dd>
        {heard.kept_from !== null && (
          <>
            <dt>Kept</dt>
            <dd>
              {(heard.kept_bytes / 1e6).toFixed(1)} MB, {clock(heard.kept_from)} to {clock(heard.kept_to)}
            </dd>
          </>
        )}
        <dt>Refused</dt>
        <dd>
          {heard.refused.length === 0 && "nothing"}
          {heard.refused.map((one) => (
            <div key={one.why}>
              {number(one.number)}: {one.why}
            </div>
          ))}
        </dd>
        <dt>Behind</dt>
        <dd>{duration(heard.behind_seconds)}</dd>
        {heard.notes.map((note) => (
          <dd class="note" key={note}>
            {note}
          </dd>
        ))}
        {problem && <dd class="note">{problem}</dd>}
      </dl>
    </details>
  );
}
