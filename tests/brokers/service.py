"""A server of the tests' own: a process with a folder and ports, and how test processes share one."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import shutil
import signal
import socket
import sys
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from . import cache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = "127.0.0.1"
START = 60.0  # seconds
STOP = 30.0
TAIL = 40  # lines of a log worth reading
COMPLAINTS = 5
COMPLAINT = re.compile(r"\b(WARN|ERROR|FATAL|warn|error|fatal|panic)\b")
# Below the ports the kernel hands out: a client that keeps connecting to a stopped server's port could be given that
# very port for its own end, and the server could not come back.
PORTS = range(20000, 32000)


class StartError(Exception):
    """A server did not start; the message ends with the end of its log."""


class Service(ABC):
    """A server in a folder of its own. It ends when no process holds it any more, however those processes ended."""

    name: ClassVar[str]
    listeners: ClassVar[int]

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / f"{self.name}.log"
        self.ports = _ports(folder / "ports.json", self.listeners)
        self._lock = (folder / "lock").open("a+b")
        self._pid: int | None = None

    @abstractmethod
    def prepare(self) -> list[str]:
        """Write what the server needs, and give its command."""

    @abstractmethod
    def ready(self) -> bool:
        """Tell whether it answers."""

    def hold(self) -> bool:
        """Have the server live as long as this process holds it; false if it is ending already."""
        # A record lock: freed by the kernel when the process ends, and not passed on to the children it forks.
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def leave(self) -> None:
        """No longer hold it."""
        self._lock.close()

    def start(self) -> None:
        """Start it, with the ports and data it had, and return when it answers."""
        self.hold()
        self._pid = _spawn(self.log, [str(self.folder / "lock"), str(self.data), *self.prepare()])
        try:
            poll(lambda: self._started() or None, START, f"{self.name} to answer")
        except TimeoutError as error:
            self.kill()
            raise StartError(f"{error}\n{self.tail()}") from None

    def _started(self) -> bool:
        if self._ended():
            raise StartError(f"{self.name} ended while it was to start; {self.tail()}")
        return self.ready()

    def stop(self) -> None:
        """End it in good order; it can be started again."""
        self._signal(signal.SIGTERM)
        try:
            self._wait()
        except TimeoutError:
            self.kill()
            raise

    def kill(self) -> None:
        """End it at once, as a crash would; it can be started again."""
        self._signal(signal.SIGUSR1)
        self._wait()

    def close(self) -> None:
        """End it for good and remove its data; the log stays."""
        self.leave()
        self._wait()
        shutil.rmtree(self.data, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        if not self._ended() and self._pid is not None:
            os.kill(self._pid, number)

    def _wait(self) -> None:
        poll(lambda: self._ended() or None, STOP, f"{self.name} to end")

    def _ended(self) -> bool:
        if self._pid is not None and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = None
        return self._pid is None

    def tail(self) -> str:
        """Give the end of its log, and where the rest is."""
        return "\n".join([f"the end of {self.log}:", *self._lines()[-TAIL:]])

    def complaints(self) -> str:
        """Give the last warnings and errors of its log, and where the rest is."""
        found = [line for line in self._lines() if COMPLAINT.search(line)]
        return "\n".join([*found[-COMPLAINTS:], f"the rest is in {self.log}"])

    def _lines(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []


class Broker:
    """A broker by its address; one that is the test's own can be stopped and started again."""

    def __init__(self, address: str, server: Service | None = None) -> None:
        self.address = address
        self._server = server

    def stop(self) -> None:
        """Shut the broker down in good order."""
        self._own().stop()

    def kill(self) -> None:
        """End the broker at once, as a crash would."""
        self._own().kill()

    def start(self) -> None:
        """Start the broker again, with its port and its data."""
        self._own().start()

    def _own(self) -> Service:
        if self._server is None:
            name = type(self).__name__
            raise RuntimeError(f"the {name} at {self.address} is shared: use the fixture `private_{name.lower()}`")
        return self._server


S = TypeVar("S", bound=Service)
T = TypeVar("T")


@contextmanager
def shared(kind: type[S], folder: Path) -> Iterator[S]:
    """Have the one server of the processes that share a folder: the first starts it, the last one out ends it."""
    with cache.locked(folder / "lock"):
        service = _joined(kind, folder) or _new(kind, folder)
    try:
        yield service
    finally:
        service.leave()


def _joined(kind: type[S], folder: Path) -> S | None:
    for candidate in sorted(folder.glob(f"{kind.name}-*"))[-1:]:
        service = kind(candidate)
        if service.hold() and service.ready():
            return service
        service.leave()
    return None


def _new(kind: type[S], folder: Path) -> S:
    number = len(list(folder.glob(f"{kind.name}-*")))
    service = kind(folder / f"{kind.name}-{number:03}")
    try:
        service.start()
    except BaseException:
        service.leave()
        raise
    return service


@contextmanager
def private(kind: Callable[[Path], S], folder: Path) -> Iterator[S]:
    """Have a server of one's own for the length of the block."""
    service = kind(folder)
    try:
        service.start()
        yield service
    finally:
        service.close()


def poll(probe: Callable[[], T | None], timeout: float, what: str) -> T:
    """Give the first result of `probe` that is not None; raises `TimeoutError` after that many seconds."""
    deadline = time.monotonic() + timeout
    while (result := probe()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        time.sleep(0.02)
    return result


def _spawn(log: Path, arguments: list[str]) -> int:
    # `subprocess` warns about a child that outlives its parent, which a shared server does.
    keeper = str(Path(__file__).with_name("keeper.py"))
    environ = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    opened = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    streams = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), opened, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(
        sys.executable, [sys.executable, "-I", "-S", keeper, *arguments], environ, file_actions=streams
    )


def _ports(file: Path, count: int) -> list[int]:
    if not file.exists():
        file.write_text(json.dumps(_free(count)))
    ports: list[int] = json.loads(file.read_text())
    return ports


def _free(count: int) -> list[int]:
    shuffled = iter(random.sample(PORTS, len(PORTS)))
    return [next(port for port in shuffled if bindable(port)) for _ in range(count)]


def bindable(port: int) -> bool:
    """Tell whether a port of this machine is free."""
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
