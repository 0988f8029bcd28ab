/** The waterfall of one event: its spans below what caused them, each as long as it took. */

import { useState } from "preact/hooks";
import type { Span } from "../answers";
import { clock, duration } from "../format";

const DEEPEST = 12;
const COLOURS = 8;
const MOST = 300;

interface Row {
  span: Span;
  depth: number;
}

/** Returns spans in the order of a tree, each once, even if the telemetry has a circle. */
export function tree(spans: Span[]): Row[] {
  const known = new Set(spans.map((span) => span.span_id));
  const below = new Map<string, Span[]>();
  for (const span of [...spans].sort((one, other) => one.start - other.start)) {
    const at = span.cause && known.has(span.cause) && span.cause !== span.span_id ? span.cause : "";
    below.set(at, [...(below.get(at) ?? []), span]);
  }
  const rows: Row[] = [];
  const seen = new Set<string>();
  const grow = (at: string, depth: number) => {
    for (const span of below.get(at) ?? []) {
      if (seen.has(span.span_id)) continue;
      seen.add(span.span_id);
      rows.push({ span, depth: Math.min(depth, DEEPEST) });
      grow(span.span_id, depth + 1);
    }
  };
  grow("", 0);
  for (const span of spans) {
    if (seen.has(span.span_id)) continue;
    seen.add(span.span_id);
    rows.push({ span, depth: 0 });
  }
  return rows;
}

function Details({ span }: { span: Span }) {
  const facts: [string, string | number | null][] = [
    ["Service", span.service],
    ["Type", span.type],
    ["Destination", span.destination],
    ["Group", span.group],
    ["Partition", span.partition],
    ["Offset", span.offset],
    ["Attempt", span.attempt],
    ["Begin", clock(span.start)],
    ["Duration", duration(span.end - span.start)],
    ["Outcome", span.outcome],
    ["Error", [span.error, span.error_text].filter(Boolean).join(": ") || null],
    ["Trace", span.trace_id],
    ["Span", span.span_id],
  ];
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== null)
        .map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      {span.jaeger && /^https?:/.test(span.jaeger) && (
        <div>
          <dt>Jaeger</dt>
          <dd>
            <a href={span.jaeger} target="_blank" rel="noreferrer">
              Open the trace in Jaeger
            </a>
          </dd>
        </div>
      )}
    </dl>
  );
}

function Line(props: { row: Row; begin: number; whole: number; colour: number; open: boolean; toggle: () => void }) {
  const { row, begin, whole, colour, open, toggle } = props;
  const { span, depth } = row;
  const left = ((span.start - begin) / whole) * 100;
  const wide = Math.max(((span.end - span.start) / whole) * 100, 0.4);
  const failed = span.outcome !== "ok";
  return (
    <li class={failed ? "failed" : ""}>
      <button type="button" class="line" aria-expanded={open} onClick={toggle}>
        <span class={`who depth-${depth}`}>
          <b class={`colour-${colour}`}>{span.service}</b> <span>{span.name}</span>
          {span.offset !== null && (
            <span class="quiet">
              {" "}
              [{span.partition}]@{span.offset}
            </span>
          )}
          {span.attempt > 1 && <span class="warn"> attempt {span.attempt}</span>}
        </span>
        <svg class="bar" height="16" aria-hidden="true">
          <rect
            class={failed ? "failed" : `colour-${colour}`}
            x={`${Math.min(left, 99.4)}%`}
            y="3"
            width={`${wide}%`}
            height="10"
            rx="3"
          />
        </svg>
        <span class="took">{duration(span.end - span.start)}</span>
      </button>
      {failed && (
        <p class="bad error">
          {span.outcome} {span.error} {span.error_text}
        </p>
      )}
      {open && <Details span={span} />}
    </li>
  );
}

export function Waterfall({ spans }: { spans: Span[] }) {
  const [open, choose] = useState<string | null>(null);
  if (!spans.length) return null;
  const begin = spans.reduce((least, span) => Math.min(least, span.start), Number.POSITIVE_INFINITY);
  const end = spans.reduce((most, span) => Math.max(most, span.end), 0);
  const services = [...new Set(spans.map((span) => span.service))];
  const rows = tree(spans);
  return (
    <section class="waterfall" aria-label="Waterfall">
      <p class="quiet small">
        {clock(begin)}, {duration(end - begin)} from begin to end, {spans.length} spans of {services.length} services
      </p>
      <ol>
        {rows.slice(0, MOST).map((row) => (
          <Line
            key={row.span.span_id}
            row={row}
            begin={begin}
            whole={Math.max(end - begin, 1e-6)}
            colour={services.indexOf(row.span.service) % COLOURS}
            open={open === row.span.span_id}
            toggle={() => choose(open === row.span.span_id ? null : row.span.span_id)}
          />
        ))}
      </ol>
      {rows.length > MOST && <p class="quiet small">{rows.length - MOST} more spans are not shown.</p>}
    </section>
  );
}
