"""Where telemetry comes from while it is made: exporters that send it, files that grow."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, ExitStack, contextmanager
from errno import EADDRINUSE
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from otel_eda.diagnosis import UnusableError, plural
from otel_eda.diagnosis.sources.files import Files

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from otel_eda.otlp import Door, Sink
    from otel_eda.otlp.inbox import Inbox

Serving: TypeAlias = "Callable[[Door, str, int], AbstractContextManager[str]]"
HTTP, GRPC = "127.0.0.1:4318", "127.0.0.1:4317"
SLICE = 4 << 20  # bytes that are taken at a time, so that what was taken is judged, too
LONGEST = 64 << 20  # bytes without an end of a line


class Feed(Protocol):
    """One place that telemetry comes from."""

    def read(self) -> Iterator[bytes]:
        """Give lines of OTLP JSON that have come, not too many at a time."""

    def notes(self) -> Iterator[str]:
        """Say what was not taken, and why."""


class Received:
    """What exporters sent."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox

    def read(self) -> Iterator[bytes]:
        """Give a line for each request."""
        from otel_eda.otlp import REQUESTS
        from otel_eda.otlp.lines import line

        for signal, body in self.inbox.drain(SLICE):
            yield line(REQUESTS[signal].FromString(body)).encode()

    def notes(self) -> Iterator[str]:
        """Have nothing to say: what is refused the door counts."""
        yield from ()


class Growing:
    """Files, patterns and folders: what is in them, and what is appended."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.files: dict[Path, Tail] = {}
        if not place.endswith((".gz", ".zst")) and not list(self._matching()) and "*" not in place:
            raise UnusableError(f"{place}: there is no such file, and none in such a folder")
        if place.endswith((".gz", ".zst")):
            raise UnusableError(f"{place}: nothing can be appended to a compressed file")

    def read(self) -> Iterator[bytes]:
        """Give the lines that are new."""
        for path in self._matching():
            yield from self.files.setdefault(path, Tail(path)).read()

    def notes(self) -> Iterator[str]:
        """Tell of damaged lines."""
        for path, tail in self.files.items():
            if tail.damaged:
                yield f"{path.name}: {plural(tail.damaged, 'damaged line')}, so not read"

    def _matching(self) -> Iterator[Path]:
        try:
            found = list(Files(self.place).files(Path()))
        except UnusableError:
            return
        yield from (path for path in found if not path.name.endswith((".gz", ".zst")))


class Tail:
    """One file that grows, is cut, or is replaced by a new one of its name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = 0
        self.identity = (0, 0)
        self.rest = b""
        self.damaged = 0

    def read(self) -> Iterator[bytes]:
        """Give the whole lines that are new; the last may not be whole yet."""
        try:
            with self.path.open("rb") as file:
                size = self._begin(file.fileno())
                file.seek(self.place)
                got = file.read(min(SLICE, max(size - self.place, 0)))
        except FileNotFoundError:
            return
        self.place += len(got)
        *lines, self.rest = (self.rest + got).split(b"\n")
        if len(self.rest) > LONGEST:
            self.rest, self.damaged = b"", self.damaged + 1
        yield from filter(self._whole, lines)

    def _begin(self, number: int) -> int:
        status = os.fstat(number)
        identity = status.st_dev, status.st_ino
        if identity != self.identity or status.st_size < self.place:
            self.identity, self.place, self.rest = identity, 0, b""
        return status.st_size

    def _whole(self, line: bytes) -> bool:
        line = line.strip()
        whole = line.startswith(b"{") and line.endswith(b"}")
        self.damaged += bool(line) and not whole
        return whole


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the receivers' options."""
    parser.set_defaults(extra="live")
    parser.add_argument(
        "--otlp", metavar="HOST:PORT", help=f"receive OTLP over HTTP there ({HTTP}, if there is no other source)"
    )
    parser.add_argument(
        "--otlp-grpc", metavar="HOST:PORT", help=f"receive OTLP over gRPC there ({GRPC}, if there is no other source)"
    )


@contextmanager
def receiving(options: argparse.Namespace, others: bool, sinks: Sequence[Sink]) -> Iterator[Reception]:
    """Receive OTLP where the command line says so, and everywhere usual if it names nothing at all."""
    from otel_eda.otlp import Door
    from otel_eda.otlp.http import serving

    door = Door(sinks)
    nothing = not (options.otlp or options.otlp_grpc or others)
    with ExitStack() as stack:
        reception = Reception(door)
        if options.otlp or nothing:
            reception.open(stack, serving, options.otlp or HTTP)
        if options.otlp_grpc or nothing:
            try:
                from otel_eda.otlp import rpc
            except ModuleNotFoundError:
                if options.otlp_grpc:
                    raise
            else:
                reception.open(stack, rpc.serving, options.otlp_grpc or GRPC)
        yield reception


class Reception:
    """The open receivers: where they are, and what they refused."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.endpoints: list[str] = []

    def open(self, stack: ExitStack, serving: Serving, place: str) -> None:
        """Open one more; raises `UnusableError` if that cannot be."""
        host, _, port = place.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            raise UnusableError(f"{place}: not a HOST:PORT")
        try:
            self.endpoints.append(stack.enter_context(serving(self.door, host.strip("[]"), int(port))))
        except OSError as error:
            taken = error.errno == EADDRINUSE
            why = "the port is taken, maybe by a collector" if taken else error.strerror or str(error)
            raise UnusableError(f"cannot receive OTLP on {place}: {why}") from error

    def notes(self) -> Iterator[str]:
        """Say what was refused."""
        for why, number in sorted(self.door.refused.items()):
            yield f"{plural(number, 'request')} refused: {why}"
