/** What the server answers to questions. Times are seconds since 1970, durations seconds; null is "not known". */

import type { Entry, Known, MessageState, Name } from "./api";

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

export interface Forecast {
  points: [time: number, low: number, middle: number, high: number][];
  says: string;
  first: Known;
  last: Known;
}

export interface LagSeries {
  destination: string;
  group: Name;
  points: [time: number, messages: Known, seconds: Known, queue: Known][];
  forecast: Forecast | null;
  unknown_sends: number;
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
  left_off: { ends: number; hops: number };
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
  unknown_sends: number;
}

export interface CompareAnswer {
  a: [since: number, until: number];
  b: [since: number, until: number];
  a_kept: number;
  b_kept: number;
  findings_since: number;
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
  left_off: { owners: number; rebalances: number };
}

export interface PartitionsAnswer {
  destination: string;
  since: number;
  until: number;
  groups: PartitionGroup[];
}
