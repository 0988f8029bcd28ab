"""What programs on ZeroMQ have in common."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .truth import fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

QUIET = 1000  # milliseconds without a message, after which no more come


def address() -> str:
    """Give an address that nobody else has."""
    return f"ipc://@faultlab-{uuid.uuid4().hex}"


@contextmanager
def sockets(*kinds: str) -> Iterator[list[Any]]:
    """Have sockets of these types, which are closed in the end, when all is sent."""
    import zmq

    with zmq.Context() as context:
        made = [context.socket(getattr(zmq, kind)) for kind in kinds]
        yield made
        for socket in made:
            socket.close(linger=QUIET)


def send(socket: Any, bodies: Iterable[bytes], flags: int = 0) -> dict[str, str]:
    """Send each in a trace of its own; gives the trace by the message."""
    from opentelemetry.trace import format_trace_id, get_tracer

    traces = {}
    for body in bodies:
        with get_tracer(__name__).start_as_current_span("order") as span:
            socket.send(body, flags)
        traces[body.decode()] = format_trace_id(span.get_span_context().trace_id)
    return traces


def receive(socket: Any, came: str) -> None:
    """Receive until no more come, and write down what came."""
    found = []
    while socket.poll(QUIET):
        found.append(socket.recv().decode())
    Path(came).write_text(json.dumps(found), encoding="utf-8")


def lost(traces: dict[str, str], came: str) -> None:
    """Note which of the messages did not come."""
    there = json.loads(Path(came).read_text(encoding="utf-8"))
    for body, trace in traces.items():
        if body not in there:
            # A subscriber that does not want them would look the same.
            fault("EDA106", "LIKELY", service="shop", trace_id=trace)
