"""The picture of this moment: services, destinations, what flows between them, and where findings are."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_eda.diagnosis.reports.plain import sends

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_eda.live.aggregates import DestinationRow, GroupRow

    from .board import Board, EdgeKey, Flow
    from .contract.state import Destination, Edge, FindingCounts, Group, LeftOff, Node, VerdictName
    from .found import Entry

MOST_NODES, MOST_EDGES, MOST_DESTINATIONS = 500, 2000, 500


class Picture(NamedTuple):
    """What a map shows."""

    nodes: list[Node]
    edges: list[Edge]
    destinations: list[Destination]
    findings: FindingCounts
    left_off: LeftOff


class Marks:
    """How many findings there are at each place, and the worst of them."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.number: Counter[object] = Counter()
        self.worst: dict[object, VerdictName] = {}
        for entry in entries:  # the worst come first
            finding = entry.finding
            kind = "send" if sends(finding) else "process"
            edge = (kind, finding.service, finding.destination)
            for place in {("service", finding.service), ("destination", finding.destination), edge}:
                self.number[place] += 1
                name: Any = finding.verdict.name
                self.worst.setdefault(place, name)

    def at(self, *place: object) -> tuple[int, VerdictName | None]:
        """Return the number and the worst verdict at a place."""
        return self.number[place], self.worst.get(place)


def draw(board: Board, entries: list[Entry], version: int) -> Picture:
    """Return the picture of this moment."""
    flows, seconds = board.flows(), board.seconds()
    rows, _ = board.aggregates.destinations()
    groups, _ = board.aggregates.groups()
    present = [entry for entry in entries if entry.present]
    marks, levels = Marks(present), {(row.destination, row.name): row for row in groups}
    busiest = sorted(flows.items(), key=lambda item: -item[1].number)
    edges = [_edge(key, flow, seconds, levels, marks) for key, flow in busiest]
    nodes = list(_nodes(flows, rows, marks))
    destinations = _destinations(flows, rows, groups, seconds)
    verdicts = Counter(entry.finding.verdict.name for entry in entries)
    return Picture(
        nodes[:MOST_NODES],
        edges[:MOST_EDGES],
        destinations[:MOST_DESTINATIONS],
        {"number": len(entries), "version": version, "by_verdict": dict(verdicts)},
        {
            "nodes": len(nodes[MOST_NODES:]),
            "edges": len(edges[MOST_EDGES:]),
            "destinations": len(destinations[MOST_DESTINATIONS:]),
        },
    )


def _nodes(flows: Mapping[EdgeKey, Flow], rows: Iterable[DestinationRow], marks: Marks) -> Iterable[Node]:
    services = sorted({key.service for key in flows})
    systems: dict[str, str | None] = {row.name: None for row in rows}
    systems.update({key.destination: flow.system for key, flow in flows.items()})
    for name in services:
        number, worst = marks.at("service", name)
        yield {
            "id": f"service:{name}",
            "kind": "service",
            "name": name,
            "system": None,
            "findings": number,
            "worst": worst,
        }
    for name, system in sorted(systems.items()):
        number, worst = marks.at("destination", name)
        yield {
            "id": f"destination:{name}", "kind": "destination", "name": name, "system": system,
            "findings": number, "worst": worst,
        }  # fmt: skip


def _edge(key: EdgeKey, flow: Flow, seconds: float, levels: Mapping[tuple[str, str], GroupRow], marks: Marks) -> Edge:
    service, destination = f"service:{key.service}", f"destination:{key.destination}"
    sending = key.type == "send"
    level = levels.get((key.destination, key.group or "")) if not sending else None
    number, worst = marks.at(key.type, key.service, key.destination)
    return {
        "id": "|".join((key.type, service, destination, key.group or "")),
        "source": service if sending else destination,
        "target": destination if sending else service,
        "kind": "send" if sending else "process",
        "group": key.group,
        "rate": flow.number / seconds,
        "errors": flow.errors / seconds,
        "p50": flow.p50,
        "p95": flow.p95,
        "queue_p50": flow.queue_p50,
        "queue_p95": flow.queue_p95,
        "lag": level.lag if level else None,
        "lag_seconds": level.behind if level else None,
        "in_flight": level.in_flight if level else None,
        "findings": number,
        "worst": worst,
    }


def _destinations(
    flows: Mapping[EdgeKey, Flow], rows: Iterable[DestinationRow], groups: Iterable[GroupRow], seconds: float
) -> list[Destination]:
    """Return the destinations: rates are those of spans, or of metrics where not every message has a span."""
    by_name: dict[str, list[tuple[EdgeKey, Flow]]] = defaultdict(list)
    for key, flow in flows.items():
        by_name[key.destination].append((key, flow))
    counted = {row.name: row for row in rows}
    levels: dict[str, list[GroupRow]] = defaultdict(list)
    for row in groups:
        levels[row.destination].append(row)
    names = sorted({*by_name, *counted, *levels})
    return [_destination(name, by_name[name], counted.get(name), levels[name], seconds) for name in names]


def _destination(
    name: str,
    flows: list[tuple[EdgeKey, Flow]],
    counted: DestinationRow | None,
    levels: list[GroupRow],
    seconds: float,
) -> Destination:
    sent = sum(flow.number for key, flow in flows if key.type == "send") / seconds
    works = [(key, flow) for key, flow in flows if key.type == "process"]
    processed = sum(flow.number for _, flow in works) / seconds
    return {
        "name": name,
        "system": next((flow.system for _, flow in flows), None),
        "sent_rate": max(sent, counted.sending if counted else 0.0),
        "processed_rate": max(processed, counted.processing if counted else 0.0),
        "failed_rate": sum(flow.errors for _, flow in works) / seconds,
        "groups": list(_groups(works, levels, seconds)),
    }


def _groups(works: list[tuple[EdgeKey, Flow]], levels: list[GroupRow], seconds: float) -> Iterable[Group]:
    reported = {row.name: row for row in levels}
    for name in sorted({*(key.group or "" for key, _ in works), *reported}):
        ours = [(key, flow) for key, flow in works if (key.group or "") == name]
        row = reported.get(name)
        yield {
            "name": name or None,
            "services": sorted({key.service for key, _ in ours}),
            "rate": sum(flow.number for _, flow in ours) / seconds,
            "errors": sum(flow.errors for _, flow in ours) / seconds,
            "lag": row.lag if row else None,
            "lag_seconds": row.behind if row else None,
            "in_flight": row.in_flight if row else None,
        }
