/** Findings: what is wrong, how far it is proven, why, and what to do. */

import { useState } from "preact/hooks";
import type { CauseGroup, Entry, Finding, FindingsAnswer, Verdict, Withheld } from "../api";
import { question } from "../ask";
import { clock, number, plural } from "../format";
import { useAnswer, useLive } from "../live";
import { Answered, Badge, Head, More, Search, Select } from "../parts/common";
import { FindingDetails } from "../parts/finding";
import { choose, useRoute } from "../route";

const VERDICTS: Verdict[] = ["CONFIRMED", "LIKELY", "SUSPECT"];
const FIRST = 25;
const LIMIT = 1000;

/** Returns where a fault is: who does what with which destination. */
export function where(finding: Finding): string {
  const arrow = finding.role === "sender" ? "→" : "←";
  const place = finding.destination ? ` ${arrow} ${finding.destination}` : "";
  const partition = finding.partition === null ? "" : ` [${finding.partition}]`;
  const [first, last] = finding.offset ?? [];
  const offset = first === undefined ? "" : ` @${first === last ? first : `${first}…${last}`}`;
  return `${finding.service ?? "–"}${place}${partition}${offset}`;
}

function Row({ entry, open, toggle }: { entry: Entry; open: boolean; toggle: () => void }) {
  const { finding } = entry;
  return (
    <li class={`finding${open ? " open" : ""}${entry.present ? "" : " gone"}`}>
      <button type="button" class="summary" aria-expanded={open} onClick={toggle}>
        <Badge verdict={finding.verdict} />
        <b class="mono">{finding.code}</b>
        <span class="title">{finding.title}</span>
        <span class="where">{where(finding)}</span>
        <span class="count-of">{finding.count > 1 ? `${number(finding.count)}×` : ""}</span>
        <span class="quiet when">{clock(entry.last ?? entry.found)}</span>
      </button>
      {open && <FindingDetails entry={entry} />}
    </li>
  );
}

function Group({ group, opened, toggle }: { group: CauseGroup; opened: string; toggle: (id: string) => void }) {
  const [most, show] = useState(FIRST);
  const alone = group.findings.length === 1 && group.findings[0]?.finding.code === group.code;
  return (
    <section class="cause" aria-label={group.title}>
      <h2 class={alone ? "spoken" : undefined}>
        <Badge verdict={group.worst} /> {group.title} <span class="mono quiet">{group.code}</span>
        {group.destination && <span class="quiet"> at {group.destination}</span>}
        {group.findings.length > 1 && <span class="quiet"> · {plural(group.findings.length, "finding")}</span>}
      </h2>
      <ul class="findings">
        {group.findings.slice(0, most).map((entry) => (
          <Row key={entry.id} entry={entry} open={opened === entry.id} toggle={() => toggle(entry.id)} />
        ))}
      </ul>
      <More shown={Math.min(most, group.findings.length)} all={group.findings.length} more={() => show(most + FIRST)} />
    </section>
  );
}

function Held({ withheld }: { withheld: Withheld[] }) {
  if (!withheld.length) return null;
  return (
    <details class="withheld">
      <summary>Withheld: {plural(withheld.length, "reason")} why something is not said</summary>
      <ul>
        {withheld.map((one) => (
          <li key={`${one.code} ${one.why}`}>
            {one.code && <b class="mono">{one.code}</b>} {one.title && <b>{one.title}</b>}
            {one.number > 0 && <span class="quiet"> {number(one.number)}×</span>}
            <p>{one.why}</p>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Groups({ answer, grouped }: { answer: FindingsAnswer; grouped: boolean }) {
  const { finding = "" } = useRoute().choices;
  const [most, show] = useState(FIRST);
  const toggle = (id: string) => choose({ finding: id === finding ? null : id });
  const shown = grouped
    ? answer.groups
        .slice(0, most)
        .map((group) => <Group key={group.id} group={group} opened={finding} toggle={toggle} />)
    : [];
  const flat = grouped ? [] : answer.groups.flatMap((group) => group.findings);
  flat.sort((one, other) => (other.last ?? other.found) - (one.last ?? one.found));
  const all = grouped ? answer.groups.length : flat.length;
  return (
    <>
      <p class="quiet" aria-live="polite">
        {answer.matching === answer.number
          ? plural(answer.number, "finding")
          : `${number(answer.matching)} of ${plural(answer.number, "finding")}`}
      </p>
      {shown}
      {!grouped && (
        <ul class="findings cause">
          {flat.slice(0, most).map((entry) => (
            <Row key={entry.id} entry={entry} open={finding === entry.id} toggle={() => toggle(entry.id)} />
          ))}
        </ul>
      )}
      <More shown={Math.min(most, all)} all={all} more={() => show(most + FIRST)} />
      <Held withheld={answer.withheld} />
    </>
  );
}

function Verdicts({ chosen }: { chosen: Verdict[] }) {
  const toggle = (verdict: Verdict) => {
    const next = chosen.includes(verdict) ? chosen.filter((one) => one !== verdict) : [...chosen, verdict];
    choose({ verdict: next.join(",") || null });
  };
  return (
    <div class="chips" role="group" aria-label="Verdicts">
      {VERDICTS.map((verdict) => (
        <button key={verdict} type="button" aria-pressed={chosen.includes(verdict)} onClick={() => toggle(verdict)}>
          {verdict.toLowerCase()}
        </button>
      ))}
    </div>
  );
}

export function FindingsView() {
  const { choices } = useRoute();
  const { text = "", destination = "", service = "", code = "", by = "cause" } = choices;
  const verdict = (choices.verdict?.split(",") ?? []).filter((name): name is Verdict =>
    VERDICTS.some((one) => one === name),
  );
  const version = useLive(({ snapshot }) => snapshot?.findings.version ?? 0);
  const destinations = useLive(({ snapshot }) => snapshot?.destinations);
  // `v` asks again as soon as there are other findings.
  const answer = useAnswer<FindingsAnswer>(
    question("findings", { text, verdict, code, destination, service, limit: LIMIT, v: version }),
    10,
  );
  const codes = (answer.data?.codes ?? []).map((one) => ({ value: one.code, text: `${one.code} ${one.title ?? ""}` }));
  return (
    <>
      <Head
        title="Findings"
        says="What is wrong, how far it is proven, and what to do. They come as they become provable."
      >
        <Search label="Search" value={text} change={(value) => choose({ text: value })} hint="service, error, key …" />
        <Select
          label="Destination"
          value={destination}
          options={[
            { value: "", text: "all" },
            ...(destinations ?? []).map(({ name }) => ({ value: name, text: name })),
          ]}
          change={(value) => choose({ destination: value })}
        />
        <Select
          label="Check"
          value={code}
          options={[{ value: "", text: "all" }, ...codes]}
          change={(value) => choose({ code: value })}
        />
        <Select
          label="Order"
          value={by}
          options={[
            { value: "cause", text: "by cause" },
            { value: "time", text: "newest first" },
          ]}
          change={(value) => choose({ by: value })}
        />
      </Head>
      <Verdicts chosen={verdict} />
      {service && (
        <p>
          Of the service {service}.{" "}
          <button type="button" class="plain" onClick={() => choose({ service: null })}>
            Show all services
          </button>
        </p>
      )}
      <Answered answer={answer} empty={null}>
        {(data) => <Groups answer={data} grouped={by === "cause"} />}
      </Answered>
    </>
  );
}
