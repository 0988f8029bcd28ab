"""An event that nobody handles is recorded and counted, where that is known."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import ids

import otel_eda
from core.inprocess.application import (
    Async,
    ByClass,
    ByInstance,
    Event,
    Handler,
    Shipped,
    Static,
    handlers,
    seeing,
    unhandled,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

pytestmark = pytest.mark.usefixtures("unregistered")


@pytest.mark.parametrize("by", [ByInstance, lambda: ByClass, lambda: Static], ids=["instance", "class", "static"])
def test_an_event_that_nobody_handles_is_recorded_and_counted(by: Callable[[], Any], recorder: Recorder) -> None:
    registry = by()
    otel_eda.registry(registry if isinstance(registry, type) else type(registry))
    registry.register("paid", seeing)
    with recorder.tracer.start_as_current_span("receiving"):
        assert registry.handle(Event("lost")) == []
        registry.handle(Event("paid"))
    (span,) = recorder.own("receiving")
    assert [(event.name, dict(event.attributes or {})) for event in span.events] == [
        ("eda.event.unhandled", {"eda.event.type": "lost"})
    ]
    assert unhandled(recorder) == ["lost"]


def test_an_async_registry_counts_it_too(recorder: Recorder) -> None:
    registry = otel_eda.registry(Async)()
    asyncio.run(registry.handle(Event("lost")))
    assert unhandled(recorder) == ["lost"]


def test_an_event_whose_handlers_have_left_is_not_claimed_while_one_was_there(recorder: Recorder) -> None:
    registry = otel_eda.registry(ByInstance)()
    registry.register("paid", seeing)
    registry.unregister("paid", seeing)
    registry.handle(Event("paid"))
    assert unhandled(recorder) == []


def test_a_handler_that_fails_has_handled_it(recorder: Recorder) -> None:
    registry = otel_eda.registry(ByInstance)()
    registry.register("paid", lambda event: 1 / event.data)
    with pytest.raises(ZeroDivisionError):
        registry.handle(Event("paid", 0))
    assert unhandled(recorder) == []


@dataclass
class Subscription:
    handler: Handler


@pytest.mark.parametrize(
    "kept",
    [
        {"paid": [seeing]},
        {"paid": {"first": (seeing,)}},
        [("paid", seeing)],
        {("paid", seeing)},
        defaultdict(list, paid=[seeing]),
        deque([seeing]),
        {"paid": deque([seeing])},
        [Subscription(seeing)],
        {"paid": Subscription(seeing)},
        {"paid": {"a": {"b": {"c": [seeing]}}}},
    ],
    ids=lambda value: repr(value).split(" at ")[0].replace(f"{__name__}.", ""),
)
def test_where_handlers_may_have_been_registered_before_nothing_is_claimed(kept: Any, recorder: Recorder) -> None:
    class Old:
        def __init__(self) -> None:
            self.kept = kept

        def register(self, event_type: str, handler: Handler) -> None: ...

        def handle(self, event: Event) -> None: ...

    early = Old()
    otel_eda.registry(Old)
    early.register("other", seeing)
    early.handle(Event("paid"))
    assert unhandled(recorder) == []


GLOBAL: dict[str, list[Handler]] = {"paid": [seeing]}


class Stateless:
    @staticmethod
    def register(event_type: str, handler: Handler) -> None:
        GLOBAL.setdefault(event_type, []).append(handler)

    @staticmethod
    def handle(event: Event) -> list[object]:
        return [handler(event) for handler in GLOBAL.get(event.event_type, [])]


class Base(ByClass):
    handlers: dict[str, list[Handler]] = {"paid": [seeing]}  # noqa: RUF012


class Heir(Base): ...


@pytest.mark.parametrize("kind", [Stateless, Heir], ids=["in a variable of the module", "in a base class"])
def test_handlers_from_before_are_seen_wherever_they_are(kind: Any, recorder: Recorder) -> None:
    otel_eda.registry(kind)
    kind.handle(Event("paid"))
    assert unhandled(recorder) == []


def test_other_things_that_a_registry_has_hide_no_event(recorder: Recorder) -> None:
    class Rich(ByInstance):
        names = ("paid", "shipped")

        def __init__(self) -> None:
            super().__init__()
            self.log, self.lock, self.kinds = logging.getLogger(), threading.Lock(), {Event: "an event", 5: None}

    otel_eda.registry(Rich)().handle(Event("lost"))
    assert unhandled(recorder) == ["lost"]


def test_where_the_state_cannot_be_seen_nothing_is_claimed(recorder: Recorder) -> None:
    class Slotted:
        __slots__ = ("__weakref__", "handlers")

        def __init__(self) -> None:
            self.handlers = [seeing]

        def register(self, handler: Handler) -> None: ...

        def handle(self, event: Event) -> None: ...

    @dataclass(eq=True)
    class Unhashable:
        handlers: list[Handler] = field(default_factory=list)

        def register(self, handler: Handler) -> None: ...

        def handle(self, event: Event) -> None: ...

    for kind in (Slotted, Unhashable):
        otel_eda.registry(kind)
        kind().handle(Event("paid"))
    assert unhandled(recorder) == []


def test_an_event_that_is_handled_in_another_thread_is_not_claimed(recorder: Recorder) -> None:
    pool = ThreadPoolExecutor(1)

    @otel_eda.registry
    class Pooled:
        def __init__(self) -> None:
            self.handlers: dict[object, Handler] = {}

        def register(self, kind: object, handler: Handler) -> None:
            self.handlers[kind] = handler

        def handle(self, event: object) -> Any:
            kind = getattr(event, "event_type", type(event))
            return pool.submit(self.handlers[kind], event)

    def of_its_own(event: Event) -> tuple[int, int]:  # another test may have it called for events of one more key
        return seeing(event)

    registry = Pooled()
    registry.register("paid", of_its_own)
    registry.register(Shipped, of_its_own)
    with pool:
        seen = [registry.handle(event).result() for event in (Event("paid"), Shipped())]
    assert [span.name for span in handlers(recorder)] == ["process paid", "process Shipped"]
    assert seen == [ids(span) for span in handlers(recorder)]
    assert unhandled(recorder) == []
