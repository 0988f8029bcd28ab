/** What the server answers, and how it is asked. Times are seconds since 1970, durations seconds; null is "not known". */

export type Known = number | null;
export type Name = string | null;
export type Verdict = "CONFIRMED" | "LIKELY" | "SUSPECT";
export type MessageState = "sent" | "unsent" | "processed" | "failed" | "under_way" | "lost";

export interface Heard {
  spans: number;
  metrics: number;
  logs: number;
  spans_per_second: number;
  refused: { why: string; number: number }[];
  behind_seconds: number;
  sources: string[];
  services: string[];
  notes: string[];
  kept_bytes: number;
  kept_from: Known;
  kept_to: Known;
}

export interface MapNode {
  id: string;
  kind: "service" | "destination";
  name: string;
  system: Name;
  findings: number;
  worst: Verdict | null;
}

export interface MapEdge {
  id: string;
  source: string;
  target: string;
  kind: "send" | "process";
  group: Name;
  rate: number;
  errors: number;
  p50: Known;
  p95: Known;
  queue_p50: Known;
  queue_p95: Known;
  lag: Known;
  lag_seconds: Known;
  in_flight: Known;
  findings: number;
  worst: Verdict | null;
}

export interface Forecast {
  points: [time: number, low: number, middle: number, high: number][];
  says: string;
  first: Known;
  last: Known;
}

export interface Group {
  name: Name;
  services: string[];
  rate: number;
  errors: number;
  lag: Known;
  lag_seconds: Known;
  in_flight: Known;
  forecast: Forecast | null;
}

export interface Destination {
  name: string;
  system: Name;
  sent_rate: number;
  processed_rate: number;
  failed_rate: number;
  groups: Group[];
}

export interface Withheld {
  code: Name;
  title: Name;
  why: string;
  number: number;
}

export interface Snapshot {
  version: number;
  now: number;
  began: number;
  jaeger: Name;
  heard: Heard;
  nodes: MapNode[];
  edges: MapEdge[];
  destinations: Destination[];
  findings: { number: number; version: number; by_verdict: Partial<Record<Verdict, number>> };
  withheld: Withheld[];
  left_off: { nodes: number; edges: number; destinations: number };
}

export interface Evidence {
  partition: Name;
  offset: Known;
  finished_before: Known;
  finished_after: Known;
  message: Name;
  trace_id: Name;
  span_id: Name;
  instance: Name;
  time: Name;
  detail: Name;
}

export interface Finding {
  code: string;
  title: string;
  verdict: Verdict;
  system: Name;
  service: Name;
  role: "sender" | "receiver";
  destination: Name;
  group: Name;
  partition: Name;
  offset: [number, number] | null;
  key: Name;
  message: Name;
  error: Name;
  count: number;
  first_time: Name;
  last_time: Name;
  trace_ids: string[];
  instances: string[];
  gates: { gate: string; state: "held" | "open"; why: string }[];
  detail: Name;
  cause: string;
  because: string[];
  action: string;
  evidence: Evidence[];
  links: string[];
}

export interface Entry {
  id: string;
  found: number;
  present: boolean;
  first: Known;
  last: Known;
  finding: Finding;
}

export interface CauseGroup {
  id: string;
  code: string;
  title: string;
  cause: string;
  destination: Name;
  worst: Verdict;
  findings: Entry[];
}

export interface FindingsAnswer {
  version: number;
  number: number;
  matching: number;
  codes: { code: string; title?: string; number?: number }[];
  groups: CauseGroup[];
  withheld: Withheld[];
}

export interface Interval {
  time: number;
  sent: number;
  unsent: number;
  processed: number;
  failed: number;
  under_way: number;
  lost: number;
}

export interface DeliverySeries {
  destination: string;
  system: Name;
  group: Name;
  grace: number;
  intervals: Interval[];
  total: Interval;
}

export interface DeliveryAnswer {
  since: number;
  until: number;
  step: number;
  series: DeliverySeries[];
  left_off: number;
}

export interface Message {
  state: MessageState;
  sent_at: number;
  service: string;
  trace_id: string;
  span_id: string;
  message_id: Name;
  correlation_id: Name;
  partition: Name;
  offset: Known;
  key: Name;
  attempts: number;
  processed_at: Known;
  error: Name;
}

export interface LagSeries {
  destination: string;
  group: Name;
  points: [time: number, messages: Known, seconds: Known, queue: Known][];
  forecast: Forecast | null;
}

export interface LagAnswer {
  since: number;
  until: number;
  step: number;
  series: LagSeries[];
  left_off: number;
}

export interface HeatAnswer {
  destination: Name;
  group: Name;
  step: number;
  times: number[];
  bounds: Known[];
  counts: number[][];
  errors: number[];
}

export interface End {
  origin: string;
  final: string;
  count: number;
  p50: number;
  p95: number;
  p99: number;
  points: [time: number, p50: number, p95: number][];
}

export interface Hop {
  source: string;
  target: string;
  kind: "send" | "queue" | "process";
  group: Name;
  count: number;
  p50: number;
  p95: number;
  p99: number;
}

export interface LatencyAnswer {
  ends: End[];
  hops: Hop[];
}

export interface Span {
  trace_id: string;
  span_id: string;
  cause: Name;
  service: string;
  name: string;
  type: Name;
  destination: Name;
  group: Name;
  partition: Name;
  offset: Known;
  attempt: number;
  start: number;
  end: number;
  outcome: string;
  error: Name;
  error_text: Name;
  jaeger: Name;
}

export interface TraceAnswer {
  event: string;
  spans: Span[];
  missing: string[];
  near: string[];
}

export interface Side {
  sent_rate: number;
  processed_rate: number;
  failed_rate: number;
  error_share: Known;
  p50: Known;
  p95: Known;
  queue_p50: Known;
  queue_p95: Known;
}

export interface CompareAnswer {
  rows: { destination: string; group: Name; a: Side | null; b: Side | null }[];
  only_a: Entry[];
  only_b: Entry[];
  both: Entry[];
}

export interface PartitionGroup {
  name: Name;
  partitions: {
    partition: string;
    owner: Name;
    instance: Name;
    rate: number;
    share: number;
    lag: Known;
    hot: boolean;
  }[];
  owners: { partition: string; instance: string; service: string; since: number; until: number }[];
  rebalances: { time: number; kind: "assigned" | "revoked"; service: string; instance: string; partition: Name }[];
}

export interface PartitionsAnswer {
  destination: string;
  since: number;
  until: number;
  groups: PartitionGroup[];
}
