"""Handlers of a registry: a span around each, whatever the registry's methods are called."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind
from support.recorder import recording
from support.spans import attribute, current, exceptions, failed, ids, parent

import otel_eda
from core.inprocess.application import Async, ByClass, ByInstance, Event, Handler, Shipped, Static, handlers, seeing
from core.tinyqueue import Consumer, Queue

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

pytestmark = pytest.mark.usefixtures("unregistered")


@pytest.mark.parametrize(
    ("kind", "by"),
    [
        (ByInstance, ByInstance),
        (ByClass, lambda: ByClass),
        (ByClass, ByClass),
        (Static, lambda: Static),
        (Static, Static),
    ],
    ids=["instance", "class", "class by instance", "static", "static by instance"],
)
@pytest.mark.parametrize("named", [False, True], ids=["by position", "by name"])
def test_each_handler_of_an_event_has_a_span(
    kind: type, by: Callable[[], Any], named: bool, recorder: Recorder
) -> None:
    assert otel_eda.registry(kind) is kind
    registry = by()
    for _ in range(2):
        registry.register(event_type="paid", handler=seeing) if named else registry.register("paid", seeing)
    event = Event("paid")
    seen = registry.handle(event=event) if named else registry.handle(event)
    first, second = handlers(recorder)
    assert seen == [ids(first), ids(second)]
    for span in (first, second):
        assert (span.name, span.kind, parent(span)) == ("process paid", SpanKind.INTERNAL, None)
        assert attribute(span, "code.function.name") == f"{seeing.__module__}.seeing"
    assert recorder.count("eda.handler.duration") == 2
    assert recorder.count("eda.unhandled.events") == 0


def test_handlers_that_are_given_in_lists_and_mappings_are_seen(recorder: Recorder) -> None:
    class Bus:
        def __init__(self) -> None:
            self.handlers: dict[str, list[Any]] = {}

        def register(self, handlers: dict[str, list[Any]], *more: list[Any]) -> None:
            self.handlers.update(handlers, more=[handler for some in more for handler in some])

        def handle(self, event: str) -> list[Any]:
            return [handler(event) for handler in self.handlers[event]]

    bus = otel_eda.registry(Bus)()
    bus.register({"paid": [seeing]}, [lambda _: current()])
    assert [*bus.handle("paid"), *bus.handle("more")] == [ids(span) for span in handlers(recorder)]
    assert [span.name for span in handlers(recorder)] == ["process paid", "process more"]


def test_a_handler_in_a_loop_is_a_child_of_the_process_span(queue: Queue, recorder: Recorder) -> None:
    registry = otel_eda.registry(ByInstance)()
    registry.register("paid", seeing)
    for _ in Consumer(queue, "orders"):
        process = current()
        registry.handle(Event("paid"))
        assert current() == process
        break
    (span,) = handlers(recorder)
    assert parent(span) == process


def test_an_event_within_a_handler_is_a_child_with_its_own_type(recorder: Recorder) -> None:
    registry = otel_eda.registry(ByInstance)()
    registry.register("paid", lambda _: registry.handle(Event("shipped")))
    registry.register("paid", seeing)
    registry.register("shipped", seeing)
    ((inner,), outer) = registry.handle(Event("paid"))
    first, second, third = handlers(recorder)
    assert [span.name for span in (first, second, third)] == ["process paid", "process shipped", "process paid"]
    assert (ids(second), parent(second)) == (inner, ids(first))
    assert (ids(third), parent(third)) == (outer, None)


def test_an_exception_is_recorded_and_raised_as_it_is(recorder: Recorder) -> None:
    error = ValueError("no such order")

    def fail(_: Event) -> None:
        raise error

    registry = otel_eda.registry(ByInstance)()
    registry.register("paid", fail)
    with pytest.raises(ValueError, match="no such order") as caught:
        registry.handle(Event("paid"))
    assert caught.value is error
    (span,) = handlers(recorder)
    assert (failed(span), exceptions(span)) == (True, [("ValueError", "no such order")])
    (point,) = recorder.points("eda.handler.duration")
    assert (point.attributes or {})["error.type"] == "ValueError"
    assert current() == (0, 0)


def test_async_handlers_are_waited_for(recorder: Recorder) -> None:
    seen = []

    async def work(_: Event) -> str:
        before = current()
        await asyncio.sleep(0)
        seen.append((before, current()))
        return "done"

    registry = otel_eda.registry(Async)()
    registry.register("paid", work)
    assert asyncio.run(registry.handle(Event("paid"))) == ["done"]
    (span,) = handlers(recorder)
    assert seen == [(ids(span), ids(span))]
    assert recorder.count("eda.unhandled.events") == 0


def test_an_exception_of_an_async_handler_is_raised_as_it_is(recorder: Recorder) -> None:
    error = ValueError()

    async def fail(_: Event) -> None:
        await asyncio.sleep(0)
        raise error

    registry = otel_eda.registry(Async)()
    registry.register("paid", fail)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        asyncio.run(registry.handle(Event("paid")))
    assert caught.value is error
    assert failed(*handlers(recorder))


def test_bound_methods_are_handlers_like_any_other(recorder: Recorder) -> None:
    class Shop:
        def paid(self, event: Event) -> tuple[object, tuple[int, int]]:
            return event.data, current()

    registry, shop = otel_eda.registry(ByInstance)(), Shop()
    registry.register("paid", shop.paid)
    ((data, seen),) = registry.handle(Event("paid", 7))
    registry.unregister("paid", shop.paid)
    (span,) = handlers(recorder)
    assert (data, seen) == (7, ids(span))
    assert str(attribute(span, "code.function.name")).endswith("Shop.paid")


class Bus:
    """Its methods have other names; an event may be anything."""

    def __init__(self) -> None:
        self.subscribers: dict[object, list[Handler]] = defaultdict(list)

    def subscribe(self, kind: object, callback: Handler | None = None) -> Any:
        if callback is None:
            return lambda later: self.subscribe(kind, later)
        self.subscribers[kind].append(callback)
        return callback

    def publish(self, kind: object, *args: object, **kwargs: object) -> list[object]:
        return [callback(*args, **kwargs) for callback in self.subscribers[kind]]


@pytest.fixture
def bus(recorder: Recorder) -> Bus:
    # Not at the class: it would be patched while the tests are collected, before any test can undo it.
    registered = otel_eda.registry(register="subscribe", dispatch="publish", event_type="kind")(Bus)
    assert registered is Bus
    return Bus()


def test_any_names_will_do(bus: Bus, recorder: Recorder) -> None:
    bus.subscribe("paid", lambda number, more: (number, more, current()))
    seen = bus.publish("paid", 1, more=2)
    (span,) = handlers(recorder)
    assert (seen, span.name) == ([(1, 2, ids(span))], "process paid")


def test_what_register_gives_back_is_the_users_own(bus: Bus) -> None:
    assert bus.subscribe("paid", seeing) is seeing


def test_a_decorator_registers_the_users_own_function(bus: Bus, recorder: Recorder) -> None:
    def paid() -> tuple[int, int]:
        return current()

    assert bus.subscribe("paid")(paid) is paid
    assert bus.publish("paid") == [ids(*handlers(recorder))]
    assert paid() == ids(handlers(recorder)[1])  # whoever calls it
    assert recorder.count("eda.unhandled.events") == 0


def test_an_event_may_be_known_by_its_class(recorder: Recorder) -> None:
    @otel_eda.registry
    class ByType:
        def __init__(self) -> None:
            self.handlers: list[tuple[type, Handler]] = []

        def register(self, kind: type, handler: Handler) -> None:
            self.handlers.append((kind, handler))

        def handle(self, event: object) -> list[object]:
            return [handler(event) for kind, handler in self.handlers if isinstance(event, kind)]

    registry = ByType()
    registry.register(Shipped, seeing)
    (seen,) = registry.handle(Shipped())
    registry.handle(Event("paid"))
    (span,) = handlers(recorder)
    assert (span.name, ids(span)) == ("process Shipped", seen)


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (Event("paid"), "paid"),
        ({"event_type": "paid"}, "paid"),
        ({"other": 1}, "dict"),
        ("paid", "paid"),
        (Shipped(), "Shipped"),
        (None, "NoneType"),
        (5, "int"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_type_of_an_event_is_found(event: object, name: str, recorder: Recorder) -> None:
    @otel_eda.registry
    class ToAll:
        def __init__(self) -> None:
            self.handlers: list[Handler] = []

        def register(self, handler: Handler) -> None:
            self.handlers.append(handler)

        def handle(self, event: object) -> None:
            for handler in self.handlers:
                handler(event)

    registry = ToAll()
    registry.register(lambda _: None)
    registry.handle(event)
    (span,) = handlers(recorder)
    assert span.name == f"process {name}"
    assert recorder.count("eda.unhandled.events") == 0


def test_a_failing_step_of_ours_leaves_the_call_alone(
    library: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Nameless:
        def __str__(self) -> str:
            raise ZeroDivisionError

    class Hostile:
        event_type = Nameless()

    @otel_eda.registry
    class ToAll:
        def __init__(self) -> None:
            self.handlers: list[Handler] = []

        def register(self, handler: Handler) -> None:
            self.handlers.append(handler)

        def handle(self, event: object) -> list[object]:
            return [handler(event) for handler in self.handlers]

    with recording(strict=False, quiet=False):
        registry = ToAll()
        registry.register(lambda _: "handled")
        assert registry.handle(Hostile()) == ["handled"]
    assert "ZeroDivisionError" in caplog.text
