/** Two times beside each other: before and after a release, or today and yesterday. */

import { useState } from "preact/hooks";
import type { CompareAnswer, Side } from "../answers";
import type { Entry, Known } from "../api";
import { question } from "../ask";
import { clock, duration, plural, rate, share } from "../format";
import { useAnswer, useLive } from "../live";
import { Answered, Badge, Head, Select } from "../parts/common";
import { choose, link, useRoute } from "../route";
import { where } from "./findings";

const LENGTHS = [
  { value: "120", text: "2 minutes" },
  { value: "300", text: "5 minutes" },
  { value: "900", text: "15 minutes" },
  { value: "3600", text: "1 hour" },
  { value: "86400", text: "1 day" },
];

interface Measure {
  key: keyof Side;
  title: string;
  show: (value: Known) => string;
  /** Whether more is worse. */
  worse: boolean;
}

const MEASURES: Measure[] = [
  { key: "sent_rate", title: "Sent", show: rate, worse: false },
  { key: "processed_rate", title: "Processed", show: rate, worse: false },
  { key: "error_share", title: "Errors", show: share, worse: true },
  { key: "p50", title: "p50", show: duration, worse: true },
  { key: "p95", title: "p95", show: duration, worse: true },
  { key: "queue_p95", title: "Queue p95", show: duration, worse: true },
];
const NOTABLE = 0.25;
const OLD_SECONDS = 900;

function change(a: Known, b: Known, worse: boolean): { text: string; tone: string } {
  if (a === null || b === null || a === b) return { text: "", tone: "" };
  if (a === 0) return { text: "new", tone: worse ? "worse" : "" };
  const ratio = b / a - 1;
  if (Math.abs(ratio) < 0.01) return { text: "", tone: "" };
  const text = ratio > 9 ? `×${(b / a).toFixed(0)}` : `${ratio > 0 ? "+" : "−"}${Math.abs(ratio * 100).toFixed(0)} %`;
  if (Math.abs(ratio) < NOTABLE) return { text, tone: "quiet" };
  return { text, tone: ratio > 0 === worse ? "worse" : "better" };
}

function Cell({ measure, a, b }: { measure: Measure; a: Side | null; b: Side | null }) {
  const [before, after] = [a?.[measure.key] ?? null, b?.[measure.key] ?? null];
  const { text, tone } = change(before, after, measure.worse);
  return (
    <td>
      {measure.show(before)} <span class="quiet">→</span> {measure.show(after)}
      <span class={`change ${tone}`}>{text}</span>
    </td>
  );
}

function Rows({ rows }: Pick<CompareAnswer, "rows">) {
  return (
    <section class="scroll card" tabIndex={0} aria-label="By destination">
      <table class="compare">
        <thead>
          <tr>
            <th scope="col">Destination</th>
            {MEASURES.map(({ key, title }) => (
              <th key={key} scope="col">
                {title}, A → B
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ destination, group, a, b }) => (
            <tr key={`${destination}\n${group}`}>
              <th scope="row">
                {destination}
                {group && <span class="quiet"> → {group}</span>}
                {!a && <span class="badge suspect">only in B</span>}
                {!b && <span class="badge suspect">only in A</span>}
              </th>
              {MEASURES.map((measure) => (
                <Cell key={measure.key} measure={measure} a={a} b={b} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Found({ title, entries }: { title: string; entries: Entry[] }) {
  return (
    <section class="card" aria-label={title}>
      <h3>
        {title} <span class="quiet">{plural(entries.length, "finding")}</span>
      </h3>
      <ul class="short-findings">
        {entries.slice(0, 20).map(({ id, finding }) => (
          <li key={id}>
            <Badge verdict={finding.verdict} />{" "}
            <a href={link("findings", { finding: id, by: "time" })}>
              {finding.code} {finding.title}
            </a>{" "}
            <span class="quiet">{where(finding)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Says how much of a time was kept, where that is not all of it. */
function Kept({ name, time, kept }: { name: string; time: [since: number, until: number]; kept: number }) {
  const length = time[1] - time[0];
  if (kept > length - 5) return null;
  return (
    <p class="quiet small">
      Of {name}, {duration(kept)} of {duration(length)} were kept: rates are those of that time.
    </p>
  );
}

/** Returns a moment as the field for times has it, in the person's own time. */
function local(seconds: number): string {
  const time = new Date(seconds * 1000);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function Moment({ label, value, change }: { label: string; value: number; change: (seconds: number) => void }) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        type="datetime-local"
        step="1"
        value={local(value)}
        onChange={(event) => {
          const time = Date.parse(event.currentTarget.value);
          if (!Number.isNaN(time)) change(time / 1000);
        }}
      />
    </label>
  );
}

export function ComparisonView() {
  const { choices } = useRoute();
  const newest = useLive(({ snapshot }) => Math.ceil(snapshot?.heard.kept_to ?? 0));
  const [opened] = useState(() => Math.floor(Date.now() / 1000));
  const length = Number(choices.length ?? 300);
  const end = newest && opened - newest > OLD_SECONDS ? newest : opened; // a record that is opened again ends earlier
  const a = Number(choices.a ?? end - 2 * length);
  const b = Number(choices.b ?? end - length);
  const answer = useAnswer<CompareAnswer>(
    question("compare", { a_since: a, a_until: a + length, b_since: b, b_until: b + length }),
    10,
  );
  return (
    <>
      <Head title="Compare" says="Two times beside each other, such as before and after a release.">
        <Select
          label="Each lasts"
          value={String(length)}
          options={LENGTHS}
          change={(value) => choose({ length: value })}
        />
        <Moment label="A begins" value={a} change={(seconds) => choose({ a: String(seconds) })} />
        <Moment label="B begins" value={b} change={(seconds) => choose({ b: String(seconds) })} />
      </Head>
      <Answered answer={answer} empty={null}>
        {(data) => (
          <>
            <Kept name="A" time={data.a} kept={data.a_kept} />
            <Kept name="B" time={data.b} kept={data.b_kept} />
            {data.rows.length ? (
              <Rows rows={data.rows} />
            ) : (
              <p class="empty">Nothing was sent or processed in either time.</p>
            )}
            <h2>Findings</h2>
            {data.findings_since > data.a[0] && (
              <p class="quiet small">Findings are known since {clock(data.findings_since)}, when this server began.</p>
            )}
            <div class="cards three">
              <Found title="Only in B" entries={data.only_b} />
              <Found title="In both" entries={data.both} />
              <Found title="Only in A" entries={data.only_a} />
            </div>
          </>
        )}
      </Answered>
    </>
  );
}
