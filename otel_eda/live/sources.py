"""Where telemetry comes from while it is made: exporters that send it, files that grow."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import AbstractContextManager, ExitStack, contextmanager
from errno import EADDRINUSE
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeAlias

from otel_eda.diagnosis import UnusableError, plural
from otel_eda.diagnosis.sources.files import Files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from otel_eda.otlp import Receiver, Sink
    from otel_eda.otlp.queue import ExportQueue

Serving: TypeAlias = "Callable[[Receiver, str, int], AbstractContextManager[str]]"
Identity: TypeAlias = "tuple[int, int]"  # device and inode
HTTP, GRPC = "127.0.0.1:4318", "127.0.0.1:4317"
SLICE_BYTES = 4 << 20  # taken at a time, so that there is time to evaluate them
LINE_BYTES = 64 << 20  # of a line or a request at most
HEAD_BYTES = 16  # of a file, which tell lines from protobuf
PACKED = (".gz", ".zst")


class LiveSource(Protocol):
    """One place that telemetry comes from while it is made."""

    def read(self) -> Iterator[bytes]:
        """Yield new lines of OTLP JSON, not too many at a time."""

    def close(self) -> None:
        """Take no more: what is read from now on is all that there will be."""

    def notes(self) -> Iterator[str]:
        """Yield a line for each kind of telemetry that was not taken, with the reason."""


class Exporters:
    """The exporters that send to a receiver."""

    def __init__(self, queue: ExportQueue) -> None:
        self.queue = queue

    def read(self) -> Iterator[bytes]:
        """Yield a line for each new request."""
        from otel_eda.otlp import REQUESTS
        from otel_eda.otlp.json_lines import line

        for signal, body in self.queue.drain(SLICE_BYTES):
            yield line(REQUESTS[signal].FromString(body)).encode()

    def close(self) -> None:
        """Refuse further requests."""
        self.queue.close()

    def notes(self) -> Iterator[str]:
        """Yield nothing: the receiver counts what it refuses."""
        yield from ()


class GrowingFiles:
    """The files that a path, pattern or folder names: what is in them, and what is appended.

    A file is known by its inode: rotation renames it, and another takes its name.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self.tails: dict[Identity, Tail] = {}
        self.damaged: Counter[str] = Counter()
        if place.endswith(PACKED):
            raise UnusableError(f"{place}: nothing can be appended to a compressed file")
        if not list(self._matching()) and not has_magic(place):
            raise UnusableError(f"{place}: there is no such file, and none in such a folder")

    def read(self) -> Iterator[bytes]:
        """Yield the new lines."""
        self._find()
        for tail in self.tails.values():
            yield from tail.read()

    def close(self) -> None:
        """Do nothing: who appends is not asked."""

    def notes(self) -> Iterator[str]:
        """Yield a line for each file with damaged lines, and for each that cannot be read."""
        for name, number in list(self.damaged.items()):  # which another thread may change
            yield f"{name}: {plural(number, 'damaged line')}, so not read"
        for tail in list(self.tails.values()):
            if tail.error:
                yield f"{tail.path.name}: not read: {tail.error}"

    def _find(self) -> None:
        """Update the tails: add new files, and follow renamed ones."""
        there = {identity: path for path in self._matching() if (identity := _identity(path))}
        for identity, tail in self.tails.items():
            if identity not in there and (moved := _moved(tail.path, identity)):
                there[identity] = moved
        self.tails = {identity: self.tails.get(identity) or Tail(identity, self.damaged) for identity in there}
        for identity, path in there.items():
            self.tails[identity].path = path

    def _matching(self) -> Iterator[Path]:
        try:
            found = Files(self.place).paths()
        except UnusableError:
            return
        yield from (path for path in found if not path.name.endswith(PACKED))


class Tail:
    """One file that grows or is truncated; its damaged lines are counted in `damaged`, by its name."""

    def __init__(self, identity: Identity, damaged: Counter[str]) -> None:
        self.identity, self.damaged = identity, damaged
        self.path = Path()
        self.position = 0
        self.rest = b""
        self.head = b""  # what a file of protobuf begins with; empty if it has lines
        self.error: str | None = None

    def read(self) -> Iterator[bytes]:
        """Yield what is new and whole as lines of OTLP JSON; the rest is kept for the next time."""
        try:
            with self.path.open("rb") as file:
                got = self._new(file)
        except OSError as error:
            self.error = error.strerror
            return
        self.error = None
        lines = self._cut(self.rest + got)
        if len(self.rest) > LINE_BYTES:
            self.rest = b""
            self.damaged[self.path.name] += 1
        yield from filter(self._whole, lines)

    def _cut(self, data: bytes) -> list[bytes]:
        """Return the lines that are whole and keep the rest; a file of protobuf is known by what it begins with."""
        from otel_eda.diagnosis.sources import protobuf

        at_start = len(data) == self.position
        if at_start and len(data) < HEAD_BYTES and not data.startswith(b'{"'):
            self.rest = data
            return []
        if at_start:
            self.head = data[:HEAD_BYTES] if protobuf.is_binary(data[:HEAD_BYTES]) else b""
        if self.head:
            lines, self.rest = protobuf.whole_lines(data, self.head)
            return [line.encode() for line in lines]
        *whole, self.rest = data.split(b"\n")
        return whole

    def _new(self, file: BinaryIO) -> bytes:
        status = os.fstat(file.fileno())
        if (status.st_dev, status.st_ino) != self.identity:
            return b""  # it was just renamed: `GrowingFiles` finds it the next time
        if status.st_size < self.position:
            self.position, self.rest = 0, b""
        file.seek(self.position)
        got = file.read(min(SLICE_BYTES, status.st_size - self.position))
        self.position += len(got)
        return got

    def _whole(self, line: bytes) -> bool:
        line = line.strip()
        whole = line.startswith(b"{") and line.endswith(b"}")
        if line and not whole:
            self.damaged[self.path.name] += 1
        return whole


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _moved(path: Path, identity: Identity) -> Path | None:
    """Return where a file is now: rotation leaves it in the same folder under another name."""
    if _identity(path) == identity:
        return path
    try:
        return next((other for other in path.parent.iterdir() if _identity(other) == identity), None)
    except OSError:
        return None


@contextmanager
def receiving(otlp: str | None, otlp_grpc: str | None, others: bool, sinks: Sequence[Sink]) -> Iterator[OpenReceivers]:
    """Receive OTLP at these places, `HOST:PORT`; at the usual ones if there are none, and no other sources either."""
    from otel_eda.otlp import Receiver
    from otel_eda.otlp.http import serving

    receiver = Receiver(sinks)
    nothing = not (otlp or otlp_grpc or others)
    with ExitStack() as stack:
        servers = OpenReceivers(receiver)
        if otlp or nothing:
            servers.open(stack, serving, otlp or HTTP)
        if otlp_grpc or nothing:
            try:
                from otel_eda.otlp import grpc
            except ModuleNotFoundError:
                if otlp_grpc:
                    raise
            else:
                servers.open(stack, grpc.serving, otlp_grpc or GRPC)
        yield servers


class OpenReceivers:
    """The servers that receive: their endpoints, and what was refused."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.endpoints: list[str] = []

    def open(self, stack: ExitStack, serving: Serving, place: str) -> None:
        """Start one more server; raises `UnusableError` if it cannot start."""
        host, port = split(place)
        try:
            self.endpoints.append(stack.enter_context(serving(self.receiver, host, port)))
        except OSError as error:
            taken = error.errno == EADDRINUSE
            why = "the port is taken, maybe by a collector" if taken else error.strerror or str(error)
            raise UnusableError(f"cannot receive OTLP on {place}: {why}") from error

    def notes(self) -> Iterator[str]:
        """Yield a line for each reason of refusals, and for a sink's first error."""
        for why, number in sorted(self.receiver.refused.items()):
            yield f"{plural(number, 'request')} refused: {why}"
        yield from self.errors()

    def errors(self) -> Iterator[str]:
        """Yield a line for a sink's first error."""
        if self.receiver.sink_error:
            yield f"the first error here: {self.receiver.sink_error!r}"


def split(place: str) -> tuple[str, int]:
    """Return the host and the port of an address; raises `UnusableError` if it has none."""
    host, _, port = place.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise UnusableError(f"{place}: not a HOST:PORT")
    return host.strip("[]"), int(port)
