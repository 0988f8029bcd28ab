"""A sign of life of each service, long after the last that it did: nothing is on its way any more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LATER = 3600 * 10**9  # nanoseconds
NAME = "GET /health"


def settle(telemetry: Path) -> None:
    """Add to a folder of telemetry a span of each service, as of a health check an hour later."""
    added = telemetry / "later.jsonl"
    added.unlink(missing_ok=True)
    lines = [json.loads(line) for line in (telemetry / "traces.jsonl").read_text("utf-8").splitlines()]
    last = max((int(span["endTimeUnixNano"]) for line in lines for span in _spans(line)), default=0) + LATER
    resources = {_service(block["resource"]): block["resource"] for line in lines for block in line["resourceSpans"]}
    blocks = [_block(name, last, number) for number, name in enumerate(sorted(resources), 1)]
    added.write_text(json.dumps({"resourceSpans": blocks}) + "\n", "utf-8")


def _spans(line: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for block in line["resourceSpans"]:
        for scope in block["scopeSpans"]:
            yield from scope["spans"]


def _service(resource: dict[str, Any]) -> str:
    found: str = next(one["value"]["stringValue"] for one in resource["attributes"] if one["key"] == "service.name")
    return found


def _block(service: str, time: int, number: int) -> dict[str, Any]:
    attribute = {"key": "service.name", "value": {"stringValue": service}}
    span = {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": NAME,
        "kind": 2,
        "startTimeUnixNano": str(time),
        "endTimeUnixNano": str(time + 1_000_000),
    }
    return {"resource": {"attributes": [attribute]}, "scopeSpans": [{"spans": [span]}]}
