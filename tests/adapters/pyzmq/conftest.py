from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import zmq
from opentelemetry import context
from support import recorder as recorder_
from support.recorder import recording

from otel_eda.adapters.pyzmq import known, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from support.recorder import Recorder

    Recording = Callable[[bool], AbstractContextManager[Recorder]]

PROPAGATE = pytest.mark.parametrize("propagate", [True, False], ids=["with context", "without"])
PATIENCE = 10_000  # ms
_names = itertools.count()


class Sockets:
    """Makes sockets, and closes them all."""

    def __init__(self) -> None:
        self.context = zmq.Context()
        self.made: list[zmq.Socket[Any]] = []

    def __call__(self, kind: int, **options: Any) -> zmq.Socket[bytes]:
        made: zmq.Socket[bytes] = self.context.socket(kind)
        made.rcvtimeo = made.sndtimeo = PATIENCE
        for name, value in options.items():
            setattr(made, name, value)
        self.made.append(made)
        return made

    def pair(self, binds: int, connects: int, **options: Any) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
        """Give two sockets with a connection between them, within the process."""
        first, second = self(binds, **options), self(connects, **options)
        endpoint = f"inproc://socket-{next(_names)}"
        first.bind(endpoint)
        second.connect(endpoint)
        return first, second

    def far(self, binds: int, connects: int) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
        """Give two sockets with a connection by TCP."""
        first, second = self(binds), self(connects)
        second.connect(f"tcp://127.0.0.1:{first.bind_to_random_port('tcp://127.0.0.1')}")
        return first, second

    def close(self) -> None:
        """Close everything."""
        for made in self.made:
            made.close(linger=0)
        # A test that failed may have left others, of monitors or threads, for which `term` would wait.
        self.context.destroy(linger=0)


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    made = Sockets()
    yield made
    made.close()
    assert not known.wires
    assert not wire.holding


@pytest.fixture(autouse=True)
def no_leaked_context() -> Iterator[None]:
    before = context.get_current()
    yield
    assert context.get_current() == before


@contextmanager
def recording_with(propagate: bool, **options: Any) -> Iterator[Recorder]:
    """Have everything instrumented, with propagation or without."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder_, "SETTINGS", {"OTEL_EDA_ZMQ_PROPAGATE": str(int(propagate))})
        with recording(**options) as made:
            yield made


@pytest.fixture
def recorder(sockets: Sockets) -> Iterator[Recorder]:
    """Have everything instrumented, and context sent along; when all is closed no span may be open."""
    with recording_with(True) as made:
        yield made
        sockets.close()
        assert not made.open()
