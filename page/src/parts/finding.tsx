/** All of one finding: the cause, the proof, the evidence, what to do, and the event's waterfall. */

import { useState } from "preact/hooks";
import type { TraceAnswer } from "../answers";
import type { Entry, Evidence, Finding } from "../api";
import { question } from "../ask";
import { clock, moment } from "../format";
import { useAnswer } from "../live";
import { link } from "../route";
import { Answered, Words } from "./common";
import { Waterfall } from "./waterfall";

/** Returns when it happened, from the first to the last time. */
function times({ first, last }: Entry): string {
  const [from, to] = [clock(first), clock(last)];
  return from === to ? from : `${from} to ${to}`;
}

function Facts({ entry }: { entry: Entry }) {
  const { finding } = entry;
  const facts: [string, string | null][] = [
    ["When", `${times(entry)}, found ${clock(entry.found)}`],
    ["Group", finding.group],
    ["Message", finding.message],
    ["Key", finding.key],
    ["Error", finding.error],
    ["Processes", finding.instances.join(", ") || null],
    ["Detail", finding.detail],
  ];
  return (
    <dl class="facts">
      {!entry.present && <p class="quiet">It is not found any more.</p>}
      {facts
        .filter(([, value]) => value)
        .map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

function Proof({ finding }: { finding: Finding }) {
  return (
    <>
      <h3>Proof</h3>
      <ul class="gates">
        {finding.gates.map((gate) => (
          <li key={gate.gate} class={gate.state}>
            <b>{gate.gate}</b> {gate.state}: <Words text={gate.why} />
          </li>
        ))}
        {!finding.gates.length && <li>It needs no gate: the telemetry says it itself.</li>}
      </ul>
    </>
  );
}

function Line({ evidence, follow }: { evidence: Evidence; follow: (trace: string) => void }) {
  const place = evidence.offset === null ? "" : `[${evidence.partition}]@${evidence.offset}`;
  const trace = evidence.trace_id;
  return (
    <li>
      <span>{moment(evidence.time)}</span> <span class="mono">{place}</span>{" "}
      <span class="mono">{evidence.message}</span> <span>{evidence.detail}</span>{" "}
      {trace && (
        <button type="button" class="plain mono" onClick={() => follow(trace)}>
          {trace}
        </button>
      )}
    </li>
  );
}

function Event({ trace }: { trace: string }) {
  const answer = useAnswer<TraceAnswer>(question("trace", { event: trace }), 10, false);
  return (
    <>
      <h3>
        Waterfall <a href={link("event", { event: trace })}>Follow this event</a>
      </h3>
      <Answered answer={answer} empty={answer.data?.spans.length === 0 ? "Its spans are not kept any more." : null}>
        {(data) => <Waterfall spans={data.spans} />}
      </Answered>
    </>
  );
}

export function FindingDetails({ entry }: { entry: Entry }) {
  const { finding } = entry;
  const [trace, follow] = useState<string | null>(finding.trace_ids[0] ?? null);
  return (
    <div class="details">
      <div class="columns">
        <div>
          <h3>Cause</h3>
          <p>
            <Words text={finding.cause} />
          </p>
          {finding.because.map((cause) => (
            <p key={cause} class="because">
              because of <Words text={cause} />
            </p>
          ))}
          <h3>What to do</h3>
          <p class="action">
            <Words text={finding.action} />
          </p>
        </div>
        <Facts entry={entry} />
      </div>
      <Proof finding={finding} />
      {finding.evidence.length > 0 && (
        <>
          <h3>Evidence</h3>
          <ul class="evidence">
            {finding.evidence.map((evidence) => (
              <Line
                key={`${evidence.span_id} ${evidence.offset} ${evidence.time}`}
                evidence={evidence}
                follow={follow}
              />
            ))}
          </ul>
        </>
      )}
      {trace && <Event trace={trace} />}
      {finding.links
        .filter((address) => /^https?:/.test(address))
        .map((address) => (
          <p key={address}>
            <a href={address} target="_blank" rel="noreferrer">
              {address}
            </a>
          </p>
        ))}
    </div>
  );
}
