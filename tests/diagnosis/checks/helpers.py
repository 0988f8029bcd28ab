"""What a consumer reports of itself, and what a finding says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import BEGIN, SECOND, Flow, Service, Span, metric, pairs, scoped
from otel_eda.diagnosis.finding import Finding, Verdict

if TYPE_CHECKING:
    from typing import Any

CONFIRMED, LIKELY, SUSPECT = Verdict.CONFIRMED, Verdict.LIKELY, Verdict.SUSPECT
BILLING = {
    "messaging.system": "kafka",
    "messaging.destination.name": "orders",
    "messaging.consumer.group.name": "billing",
}


def only(findings: tuple[Finding, ...], code: str) -> Finding:
    """Return the one finding of a check."""
    found = [finding for finding in findings if finding.code == code]
    assert len(found) == 1, findings
    return found[0]


def opened(finding: Finding) -> set[str]:
    """Return the gates of a finding that are open."""
    return {gate.code for gate in finding.gates if not gate.held}


def export(made: Flow, *metrics: dict[str, Any]) -> None:
    """Have the consumer export metrics."""
    made.world.extra.append(scoped(made.billing, "resourceMetrics", "scopeMetrics", "metrics", list(metrics)))


def counted_by_ledger(made: Flow, name: str, number: int, kind: str = "sum", at: int = 59) -> None:
    """Have the consumer's own ledger count or measure."""
    times = {"startTimeUnixNano": str(BEGIN), "timeUnixNano": str(BEGIN + at * SECOND)}
    points = {"dataPoints": [{**times, "asInt": str(number), "attributes": pairs(BILLING)}]}
    export(made, {"name": name, kind: points if kind == "gauge" else {**points, "aggregationTemporality": 2}})


def measured(made: Flow, name: str, *values: float) -> None:
    """Have the consumer measure values, one each 10 seconds."""
    points = [
        {"timeUnixNano": str(BEGIN + turn * 10 * SECOND), "asDouble": value, "attributes": pairs(BILLING)}
        for turn, value in enumerate(values, 1)
    ]
    export(made, {"name": name, "gauge": {"dataPoints": points}})


def processed(made: Flow, number: int) -> None:
    """Have the consumer's metrics count so many processed messages."""
    export(made, metric("process", number, BEGIN + 100 * SECOND, {"messaging.destination.name": "orders"}))


def reported(
    made: Flow,
    name: str,
    at: float,
    service: Service | None = None,
    client: str | None = None,
    *,
    where: int = 0,
    **position: int,
) -> None:
    """Have a consumer report an event of its own as a log record."""
    attributes = {
        **BILLING,
        "messaging.consumer.group.name": (service or made.billing).group,
        "messaging.client.id": client,
        "messaging.destination.partition.id": str(where),
        **{f"eda.partition.{name}": offset for name, offset in position.items()},
    }
    record = {"eventName": name, "timeUnixNano": str(BEGIN + round(at * SECOND)), "attributes": pairs(attributes)}
    made.world.extra.append(scoped(service or made.billing, "resourceLogs", "scopeLogs", "logRecords", [record]))


def stood(made: Flow, at: float = 59.0, client: str | None = None, **position: int) -> None:
    """Have the consumer report its position."""
    reported(made, "eda.consumer.position", at, None, client, **position)


def logged(made: Flow, span: Span, error: str) -> None:
    """Have the consumer log an exception within a span."""
    record = {
        "timeUnixNano": span.json["endTimeUnixNano"],
        "severityNumber": 17,
        "traceId": span.trace,
        "spanId": span.id,
        "attributes": pairs({"exception.type": error}),
    }
    made.world.extra.append(scoped(made.billing, "resourceLogs", "scopeLogs", "logRecords", [record]))
