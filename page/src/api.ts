/** The state that the server pushes, and its findings. Times are seconds since 1970, durations seconds; null is "not known". */

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

export interface Group {
  name: Name;
  services: string[];
  rate: number;
  errors: number;
  lag: Known;
  lag_seconds: Known;
  in_flight: Known;
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
