"""The diary of a stranger's program: a line of JSON for each thing it does with an event."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "FAULTLAB_DIARY"


def note(what: str, event: object = None, message: Any = None, **more: Any) -> None:
    """Write down what was done with an event, and which message it was in, if there was one."""
    who = os.environ.get("OTEL_SERVICE_NAME", "")
    at = {} if message is None else where(message)
    line = {"what": what, "event": event, "at": at, "who": who, "time": time.time(), **more}
    # At once, since the next that happens may be the end of the process.
    with open(os.environ[VARIABLE], "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def where(message: Any) -> dict[str, Any]:
    """Give a message's place in Kafka, or say who created another broker's message: trace and span."""
    if hasattr(message, "partition"):
        topic, partition, offset = (_plain(message, name) for name in ("topic", "partition", "offset"))
        return {"destination": topic, "partition": str(partition), "offset": offset}
    _, trace, span, _ = (getattr(message, "headers", None) or {}).get("traceparent", "---").split("-")
    return {"created": f"{trace}-{span}"} if trace else {}


def _plain(message: Any, name: str) -> Any:
    value = getattr(message, name)
    return value() if callable(value) else value


def read(file: Path) -> list[dict[str, Any]]:
    """Give the lines of a diary; one that is just being written does not count yet."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]
