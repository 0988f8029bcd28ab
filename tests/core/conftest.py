from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from opentelemetry import context
from opentelemetry.context import Context
from support.recorder import recording
from support.spans import traceparent
from support.threads import short_turns

from core import adapter
from core.deliveries import FIRST, SECOND
from core.tinyqueue import Channel, Consumer, Queue, Record
from otel_eda import config, suite
from otel_eda.core.patching.interception import resume_all
from otel_eda.core.runtime import guard, state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.recorder import Recorder

    from otel_eda.core import Library


@pytest.fixture(autouse=True)
def unspoilt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no test hear of another's failures, settings, clients, context, or use of `otel_eda.process`."""
    monkeypatch.setattr(config, "_current", None)
    monkeypatch.setattr(guard, "failures", type(guard.failures)())
    state.reset()
    resume_all()  # a handler that is named when its module is loaded is intercepted from then on
    token = context.attach(Context())
    yield
    left = context.get_current()
    context.detach(token)
    assert left == Context(), "the context is not what it was"


@pytest.fixture
def many_turns() -> Iterator[None]:
    """Have threads take turns a thousand times as often as they do: a busy machine, made small."""
    with short_turns():
        yield


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """Have the suite know one more library."""
    made = adapter.library()
    monkeypatch.setitem(suite.LIBRARIES, made.name, made)
    monkeypatch.setattr(suite, "NAMES", (*suite.NAMES, made.name))
    yield made
    # wrapt never lets go of an import hook, nor of its library; each test's instruments are not to stay with that.
    made.telemetry.set_providers(None, None)


@pytest.fixture
def recorder(library: Library) -> Iterator[Recorder]:
    """Have everything instrumented; nothing may be logged and no span left open."""
    with recording() as made:
        yield made
        assert not made.open()


@pytest.fixture
def stamped(monkeypatch: pytest.MonkeyPatch) -> int:
    """Have every message be a minute old; give its timestamp."""
    following, stamp = Consumer._next, int(time.time() * 1000) - 60_000

    def next_(self: Consumer, topic: str) -> Record | None:
        record = following(self, topic)
        return record and replace(record, timestamp=stamp)

    monkeypatch.setattr(Consumer, "_next", next_)
    return stamp


@pytest.fixture
def channel(queue: Queue) -> Channel:
    """A channel of topic `orders` with a message of each of two producers."""
    queue.topics.clear()
    for origin in (FIRST, SECOND):
        queue.fill("orders", origin, headers=[("traceparent", traceparent(origin))])
    return Channel(queue)


@pytest.fixture
def queue() -> Queue:
    """Topic `orders` with three messages."""
    made = Queue()
    made.fill("orders", 1, 2, 3)
    return made
