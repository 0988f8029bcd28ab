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

    from otel_eda.otlp import Door, Sink
    from otel_eda.otlp.inbox import Inbox

Serving: TypeAlias = "Callable[[Door, str, int], AbstractContextManager[str]]"
Identity: TypeAlias = "tuple[int, int]"  # device and inode
HTTP, GRPC = "127.0.0.1:4318", "127.0.0.1:4317"
SLICE = 4 << 20  # bytes that are taken at a time, so that what was taken is judged, too
LONGEST = 64 << 20  # bytes without an end of a line
PACKED = (".gz", ".zst")


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
    """Files, patterns and folders: what is in them, and what is appended.

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
        """Give the lines that are new."""
        self._find()
        for tail in self.tails.values():
            yield from tail.read()

    def notes(self) -> Iterator[str]:
        """Tell of damaged lines, and of files that cannot be read."""
        for name, number in self.damaged.items():
            yield f"{name}: {plural(number, 'damaged line')}, so not read"
        for tail in self.tails.values():
            if tail.error:
                yield f"{tail.path.name}: not read: {tail.error}"

    def _find(self) -> None:
        """Know the files that are there, and where those are that were."""
        there = {identity: path for path in self._matching() if (identity := _identity(path))}
        for identity, tail in self.tails.items():
            if identity not in there and (moved := _moved(tail.path, identity)):
                there[identity] = moved
        self.tails = {identity: self.tails.get(identity) or Tail(identity, self.damaged) for identity in there}
        for identity, path in there.items():
            self.tails[identity].path = path

    def _matching(self) -> Iterator[Path]:
        try:
            found = list(Files(self.place).files(Path()))
        except UnusableError:
            return
        yield from (path for path in found if not path.name.endswith(PACKED))


class Tail:
    """One file that grows, or is cut; `damaged` counts its lines that are none, by its name."""

    def __init__(self, identity: Identity, damaged: Counter[str]) -> None:
        self.identity, self.damaged = identity, damaged
        self.path = Path()
        self.place = 0
        self.rest = b""
        self.error: str | None = None

    def read(self) -> Iterator[bytes]:
        """Give the whole lines that are new; the last may not be whole yet."""
        try:
            with self.path.open("rb") as file:
                got = self._new(file)
        except OSError as error:
            self.error = error.strerror
            return
        self.error = None
        *lines, self.rest = (self.rest + got).split(b"\n")
        if len(self.rest) > LONGEST:
            self.rest = b""
            self.damaged[self.path.name] += 1
        yield from filter(self._whole, lines)

    def _new(self, file: BinaryIO) -> bytes:
        status = os.fstat(file.fileno())
        if (status.st_dev, status.st_ino) != self.identity:
            return b""  # just renamed: it will be found
        if status.st_size < self.place:
            self.place, self.rest = 0, b""
        file.seek(self.place)
        got = file.read(min(SLICE, status.st_size - self.place))
        self.place += len(got)
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
    """Find a file that is not among those that are looked for: rotation leaves it beside."""
    if _identity(path) == identity:
        return path
    try:
        return next((other for other in path.parent.iterdir() if _identity(other) == identity), None)
    except OSError:
        return None


@contextmanager
def receiving(otlp: str | None, otlp_grpc: str | None, others: bool, sinks: Sequence[Sink]) -> Iterator[Reception]:
    """Receive OTLP at these places, `HOST:PORT`; at the usual ones if there are none, and no other sources either."""
    from otel_eda.otlp import Door
    from otel_eda.otlp.http import serving

    door = Door(sinks)
    nothing = not (otlp or otlp_grpc or others)
    with ExitStack() as stack:
        reception = Reception(door)
        if otlp or nothing:
            reception.open(stack, serving, otlp or HTTP)
        if otlp_grpc or nothing:
            try:
                from otel_eda.otlp import rpc
            except ModuleNotFoundError:
                if otlp_grpc:
                    raise
            else:
                reception.open(stack, rpc.serving, otlp_grpc or GRPC)
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
        if self.door.fault:
            yield f"the first error here: {self.door.fault!r}"
