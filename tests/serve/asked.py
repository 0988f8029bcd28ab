"""Questions of the page, asked of telemetry of known truth without a server."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from diagnosis.telemetry import BEGIN, SECOND, pairs, scoped

from otel_eda.diagnosis.sources.files import Files
from otel_eda.serve.board import Board
from otel_eda.serve.found import Found
from otel_eda.serve.loader import Loader
from otel_eda.serve.parts import Parts
from otel_eda.serve.questions.asking import Asked, Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from diagnosis.telemetry import Service

START = BEGIN / SECOND


@contextmanager
def reading(folder: Path, *parts: Iterable[str]) -> Iterator[Reader]:
    """Yield what questions are asked of: the lines of each stretch are one part."""
    board = Board()
    with Parts(folder / "kept", 1 << 30, 86400.0).opened() as kept:
        loader = Loader(kept)
        for number, lines in enumerate(parts):
            path = folder / f"{number}.jsonl"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            part = loader.add([Files(str(path))])
            assert part
            board.take(part)
        yield Reader(kept, board, Found())


def asked(now: float, **values: object) -> Asked:
    """Return a question that is asked so many seconds after the begin."""
    return Asked({name: [str(value)] for name, value in values.items()}, START + now)


def gauge(service: Service, name: str, readings: Iterable[tuple[float, float]], **said: object) -> str:
    """Return the line of a level that a service read at some seconds after the begin, in the group `billing`."""
    place: dict[str, Any] = {"messaging.destination.name": "orders", "messaging.consumer.group.name": "billing", **said}
    points = [
        {"timeUnixNano": str(BEGIN + round(at * SECOND)), "asDouble": float(value), "attributes": pairs(place)}
        for at, value in readings
    ]
    metric = {"name": name, "gauge": {"dataPoints": points}}
    return json.dumps(scoped(service, "resourceMetrics", "scopeMetrics", "metrics", [metric]))
