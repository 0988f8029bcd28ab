"""Answers of the server as its contract has them, made: the page's tests need systems of every size and name."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Answer: TypeAlias = "dict[str, Any]"
NOW = 1_796_000_000.0
STEP = 10.0
VERDICTS = ("CONFIRMED", "LIKELY", "SUSPECT")
FLOWS = [  # a service, what it sends to, who reads that, as which group
    ("shop", "orders", "billing", "billing"),
    ("shop", "orders", "stock", "stock"),
    ("billing", "invoices", "mail", "mail"),
    ("stock", "shipments", "courier", "courier"),
    ("billing", "audit", "archive", "archive"),
]
CHECKS = [
    ("EDA104", "Lost in the consumer", "the consumer committed past a message that it had not processed"),
    ("EDA401", "Handler failing", "the handler raises KeyError"),
    ("EDA402", "Poison message", "one message fails in each attempt"),
    ("EDA504", "Lag", "messages arrive faster than the group processes them"),
    ("EDA601", "Hot partition", "one key has most of the messages"),
]


@dataclass
class Made:
    """A system that the tests' server shows; `flows` say who sends what to whom."""

    flows: list[tuple[str, str, str, str]] = field(default_factory=lambda: list(FLOWS))
    findings: int = 5
    seed: int = 1
    evil: str = ""
    turn: int = 0

    def names(self, kind: str) -> list[str]:
        places = {"service": (0, 2), "destination": (1,)}[kind]
        return list(dict.fromkeys(flow[place] for place in places for flow in self.flows))

    def state(self) -> Answer:
        self.turn += 1
        chance = random.Random(self.seed + self.turn)
        counts = {verdict: len(self.entries()[place::3]) for place, verdict in enumerate(VERDICTS)}
        return {
            "version": self.turn,
            "now": NOW + self.turn,
            "began": NOW - 3600,
            "jaeger": None,
            "heard": self.heard(chance),
            "nodes": [self.node(kind, name) for kind in ("service", "destination") for name in self.names(kind)],
            "edges": [edge for flow in self.flows for edge in self.edges(flow, chance)],
            "destinations": [self.destination(name, chance) for name in self.names("destination")],
            "findings": {"number": self.findings, "version": 1, "by_verdict": counts},
            "withheld": self.withheld(),
            "left_off": {"nodes": 0, "edges": 0, "destinations": 0},
        }

    def heard(self, chance: random.Random) -> Answer:
        return {
            "spans": 120_000 + 400 * self.turn,
            "metrics": 9_000,
            "logs": 12,
            "spans_per_second": chance.uniform(380, 420),
            "refused": [{"why": f"the body is too large{self.evil}", "number": 3}],
            "behind_seconds": 0.4,
            "sources": [f"OTLP at 127.0.0.1:4318{self.evil}"],
            "services": self.names("service"),
            "notes": [],
            "kept_bytes": 4_200_000,
            "kept_from": NOW - 3600,
            "kept_to": NOW,
        }

    def node(self, kind: str, name: str) -> Answer:
        about = [entry for entry in self.entries() if entry["finding"][kind] == name]
        return {
            "id": f"{kind}:{name}",
            "kind": kind,
            "name": name,
            "system": "kafka" if kind == "destination" else None,
            "findings": len(about),
            "worst": min((entry["finding"]["verdict"] for entry in about), key=VERDICTS.index, default=None),
        }

    def edges(self, flow: tuple[str, str, str, str], chance: random.Random) -> list[Answer]:
        sender, destination, reader, group = flow
        place = self.flows.index(flow)
        sent = {
            "id": f"send:{sender}:{destination}",
            "source": f"service:{sender}",
            "target": f"destination:{destination}",
            "kind": "send",
            "group": None,
            "rate": 120.0 / (1 + place) + chance.random(),
            "errors": 0.0,
            "p50": 0.002,
            "p95": 0.006,
            "queue_p50": None,
            "queue_p95": None,
            "lag": None,
            "lag_seconds": None,
            "in_flight": None,
            "findings": 0,
            "worst": None,
        }
        late = place == len(self.flows) - 1
        read = {
            **sent,
            "id": f"process:{destination}:{reader}:{group}",
            "source": f"destination:{destination}",
            "target": f"service:{reader}",
            "kind": "process",
            "group": group,
            "errors": 3.4 if place == 0 else 0.0,
            "p50": 0.021,
            "p95": 0.048,
            "queue_p50": 0.005,
            "queue_p95": 0.03,
            "lag": 18_400 if late else 12,
            "lag_seconds": 74.0 if late else 0.1,
            "in_flight": 3,
        }
        return [sent, read] if not any(other[:2] == flow[:2] for other in self.flows[:place]) else [read]

    def destination(self, name: str, chance: random.Random) -> Answer:
        groups = [flow for flow in self.flows if flow[1] == name]
        return {
            "name": name,
            "system": "kafka",
            "sent_rate": 100 + chance.random(),
            "processed_rate": 99 + chance.random(),
            "failed_rate": 3.4 if self.flows[0] in groups else 0.0,
            "groups": [self.group(flow) for flow in groups],
        }

    def group(self, flow: tuple[str, str, str, str]) -> Answer:
        late = flow == self.flows[-1]
        return {
            "name": flow[3],
            "services": [flow[2]],
            "rate": 99.0,
            "errors": 0.0,
            "lag": 18_400 if late else 12,
            "lag_seconds": 74.0 if late else 0.1,
            "in_flight": 3,
        }

    @staticmethod
    def forecast() -> Answer:
        ahead = [turn * 30.0 for turn in range(1, 21)]
        return {
            "points": [[NOW + after, 18_400 + after * 8, 18_400 + after * 14, 18_400 + after * 21] for after in ahead],
            "says": "The lag will reach 30,000 messages in 9 to 25 minutes.",
            "first": NOW + 540,
            "last": NOW + 1500,
        }

    def withheld(self) -> list[Answer]:
        why = f"the process `stock` sends no metrics, so its commits are not known{self.evil}"
        return [{"code": "EDA105", "title": "Expired unread", "why": why, "number": 2}]

    def entries(self) -> list[Answer]:
        return [self.entry(number) for number in range(self.findings)]

    def entry(self, number: int) -> Answer:
        code, title, cause = CHECKS[number % len(CHECKS)]
        sender, destination, reader, group = self.flows[number % len(self.flows)]
        trace = f"{number:032x}"
        finding = {
            "code": code, "title": title, "verdict": VERDICTS[number % 3], "system": "kafka",
            "service": reader, "role": "receiver", "destination": destination, "group": group, "partition": "2",
            "offset": [40 + number, 40 + number], "key": f"customer-{number}{self.evil}", "message": None,
            "error": f"KeyError{self.evil}", "count": 1 + number % 7, "first_time": "2026-11-29T12:00:00.000000000Z",
            "last_time": "2026-11-29T12:01:00.000000000Z", "trace_ids": [trace], "instances": ["billing-1"],
            "gates": [
                {"gate": "G8", "state": "held", "why": "the message was delivered"},
                {"gate": "G9", "state": "open", "why": f"a member has no instrumentation: `{sender}`{self.evil}"},
            ],
            "detail": f"the group did before 39 and after 41{self.evil}", "cause": cause,
            "because": ["lag (EDA504, LIKELY): messages arrive faster"] if code == "EDA601" else [],
            "action": "Commit after processing: set `enable_auto_commit=False`.",
            "evidence": [
                {
                    "partition": "2", "offset": 40 + number, "finished_before": 39, "finished_after": 41,
                    "message": self.evil or None, "trace_id": trace, "span_id": f"{number:016x}",
                    "instance": "billing-1", "time": "2026-11-29T12:00:30.000000000Z", "detail": self.evil or "once",
                }
            ],
            "links": [f"javascript:alert(1)//{self.evil}"] if self.evil else [],
        }  # fmt: skip
        times = {"found": NOW - number, "first": NOW - 60 - number, "last": NOW - number}
        return {"id": f"f{number}", "present": number % 11 != 10, **times, "finding": finding}


def large() -> Made:
    """Return a system of 50 services, 40 destinations, 400 edges and 500 findings, whose names have families."""
    chance = random.Random(7)
    areas = ["orders", "billing", "stock", "mail", "search", "fraud", "ship", "users", "ads", "audit"]
    services = [f"{area}-{part}" for area in areas for part in ("api", "worker", "export", "sync", "view")]
    destinations = [f"{area}.{kind}" for area in areas for kind in ("created", "changed", "removed", "failed")]
    pairs = [(service, destination) for service in services for destination in destinations]
    chance.shuffle(pairs)
    sent = {destination: services[place] for place, destination in enumerate(destinations)}
    read = [(reader, destination) for reader, destination in pairs if sent[destination] != reader][:360]
    return Made([(sent[destination], destination, reader, reader) for reader, destination in read], findings=500)
