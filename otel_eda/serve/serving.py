"""Serves the page: a web server in a thread of its own, and the picture that it shows."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.settings import SECOND
from otel_eda.live.sources import split
from otel_eda.otlp import authority

from .picture import draw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp

    from .checking import Checking
    from .contract.state import Heard, State
    from .questions.asking import Reader
    from .session import Session
    from .viewers import Viewers

GRACE_SECONDS = 2
BACKLOG = 128
MOST_NOTES = 50


class Scene:
    """All that the picture of a moment is made of."""

    def __init__(self, reader: Reader, kept: Session, checking: Checking) -> None:
        self.reader, self.kept, self.checking = reader, kept, checking
        self.began = time.time()

    def draw(self, version: int) -> bytes:
        """Return the picture of this moment as JSON."""
        return json.dumps(self.state(version), separators=(",", ":")).encode()

    def state(self, version: int) -> State:
        """Return the picture of this moment."""
        board, found = self.reader.board, self.reader.found
        nodes, edges, destinations, findings, left_off = draw(board, found.all(), found.version)
        return {
            "version": version,
            "now": board.now(),
            "began": self.began,
            "jaeger": self.reader.jaeger,
            "heard": self._heard([node["name"] for node in nodes if node["kind"] == "service"]),
            "nodes": nodes,
            "edges": edges,
            "destinations": destinations,
            "findings": findings,
            "withheld": found.withheld,
            "left_off": left_off,
        }

    def _heard(self, services: list[str]) -> Heard:
        kept = self.kept
        keeper, parts, receivers = kept.keeper, kept.parts, kept.receivers
        extent = parts.span()
        notes = [*keeper.notes(), *self.checking.notes(), *receivers.errors()]
        notes += self.reader.board.aggregates.notes()
        refused = sorted(receivers.receiver.refused.items())
        return {
            "spans": keeper.loader.spans,
            "metrics": keeper.loader.rows["metrics"],
            "logs": keeper.loader.rows["events"],
            "spans_per_second": keeper.rate(),
            "refused": [{"why": why, "number": number} for why, number in refused],
            "behind_seconds": kept.queue.behind(),
            "sources": kept.places,
            "services": services,
            "notes": list(dict.fromkeys(notes))[:MOST_NOTES],
            "kept_bytes": parts.size,
            "kept_from": extent[0] / SECOND if extent else None,
            "kept_to": extent[1] / SECOND if extent else None,
        }


def listening(address: str) -> socket.socket:
    """Return a socket that listens at `HOST:PORT`; raises `UnusableError`."""
    host, port = split(address)
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG
        )
    except OSError as error:
        raise UnusableError(f"cannot serve the page on {address}: {error.strerror or error}") from error


@contextmanager
def served(app: ASGIApp, viewers: Viewers, place: socket.socket) -> Iterator[str]:
    """Serve an application during the block and yield its address."""
    config = uvicorn.Config(
        app, log_level="error", access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_SECONDS
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([place],), name="otel-eda-web", daemon=True)
    thread.start()
    host, port = place.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # where all addresses are meant
    try:
        yield f"http://{authority(host, port)}/"
    finally:
        viewers.end()
        server.should_exit = True
        thread.join()
        place.close()
