"""Handlers in process: a span around each, and a word about events that nobody handles."""

from __future__ import annotations

import asyncio
import gc
import importlib
import itertools
import logging
import sys
import threading
import weakref
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind
from support.recorder import recording
from support.spans import attribute, exceptions, failed, ids, parent

import otel_eda
from core.tinyqueue import Consumer, Queue
from otel_eda.core.inprocess import registries
from otel_eda.core.runtime import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan
    from support.recorder import Recorder

Handler = Any


@dataclass
class Event:
    event_type: str
    data: object = None


class ByInstance:
    def __init__(self) -> None:
        self.handlers: dict[str, list[Handler]] = {}

    def register(self, event_type: str, handler: Handler) -> None:
        self.handlers.setdefault(event_type, []).append(handler)

    def unregister(self, event_type: str, handler: Handler) -> None:
        self.handlers[event_type].remove(handler)

    def handle(self, event: Event) -> list[object]:
        return [handler(event) for handler in self.handlers.get(event.event_type, [])]


class ByClass:
    handlers: dict[str, list[Handler]] = {}  # noqa: RUF012

    @classmethod
    def register(cls, event_type: str, handler: Handler) -> None:
        cls.handlers.setdefault(event_type, []).append(handler)

    @classmethod
    def handle(cls, event: Event) -> list[object]:
        return [handler(event) for handler in cls.handlers.get(event.event_type, [])]


class Static:
    handlers: dict[str, list[Handler]] = {}  # noqa: RUF012

    @staticmethod
    def register(event_type: str, handler: Handler) -> None:
        Static.handlers.setdefault(event_type, []).append(handler)

    @staticmethod
    def handle(event: Event) -> list[object]:
        return [handler(event) for handler in Static.handlers.get(event.event_type, [])]


class Async(ByInstance):
    async def handle(self, event: Event) -> list[object]:  # type: ignore[override]
        return [await handler(event) for handler in self.handlers.get(event.event_type, [])]


@pytest.fixture(autouse=True)
def unregistered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget every registry and handler afterwards."""
    monkeypatch.setattr(registries, "registries", registries.Registries())
    yield
    registries.registries.disable()
    ByClass.handlers = {}
    Static.handlers = {}


def current() -> tuple[int, int]:
    found = trace.get_current_span().get_span_context()
    return found.trace_id, found.span_id


def handlers(recorder: Recorder) -> list[ReadableSpan]:
    return [span for span in recorder.ours() if "eda.event.type" in (span.attributes or {})]


def seeing(event: Event) -> tuple[int, int]:
    return current()


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
        assert attribute(span, "code.function.name") == f"{__name__}.seeing"
    assert recorder.count("eda.handler.duration") == 2
    assert recorder.count("eda.unhandled.events") == 0


def test_within_a_turn_it_is_a_child_of_it(queue: Queue, recorder: Recorder) -> None:
    registry = otel_eda.registry(ByInstance)()
    registry.register("paid", seeing)
    for _ in Consumer(queue, "orders"):
        turn = current()
        registry.handle(Event("paid"))
        assert current() == turn
        break
    (span,) = handlers(recorder)
    assert parent(span) == turn


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


def test_a_handler_is_unregistered_by_the_users_own_function(recorder: Recorder) -> None:
    registry = otel_eda.registry(ByInstance)()
    registry.register("paid", seeing)
    assert registry.handlers == {"paid": [seeing]}
    assert hash(registry.handlers["paid"][0]) == hash(seeing)
    registry.unregister("paid", seeing)
    assert registry.handlers == {"paid": []}


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


# --- Other names, other forms -------------------------------------------------------------------------------------


@otel_eda.registry(register="subscribe", dispatch="publish", event_type="kind")
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
    otel_eda.registry(Bus, register="subscribe", dispatch="publish", event_type="kind")
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


class Shipped:
    """An event that is known by its class."""


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


# --- Unhandled events ---------------------------------------------------------------------------------------------


def unhandled(recorder: Recorder) -> list[object]:
    return [(point.attributes or {})["eda.event.type"] for point in recorder.points("eda.unhandled.events")]


@pytest.mark.parametrize("by", [ByInstance, lambda: ByClass, lambda: Static], ids=["instance", "class", "static"])
def test_an_event_that_nobody_handles_is_told_and_counted(by: Callable[[], Any], recorder: Recorder) -> None:
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


def test_an_async_registry_tells_it_too(recorder: Recorder) -> None:
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


GLOBAL: dict[str, list[Handler]] = {}


def test_handlers_in_the_modules_own_variables_are_seen(recorder: Recorder) -> None:
    class Stateless:
        @staticmethod
        def register(event_type: str, handler: Handler) -> None:
            GLOBAL.setdefault(event_type, []).append(handler)

        @staticmethod
        def handle(event: Event) -> list[object]:
            return [handler(event) for handler in GLOBAL.get(event.event_type, [])]

    GLOBAL.clear()
    Stateless.register("paid", seeing)
    otel_eda.registry(Stateless)
    Stateless.handle(Event("paid"))
    assert unhandled(recorder) == []


def test_a_base_classes_handlers_are_seen(recorder: Recorder) -> None:
    class Base(ByClass):
        handlers: dict[str, list[Handler]] = {}  # noqa: RUF012

    class Heir(Base): ...

    Base.register("paid", seeing)
    otel_eda.registry(Heir)
    Heir.handle(Event("paid"))
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

    registry = Pooled()
    registry.register("paid", seeing)
    registry.register(Shipped, seeing)
    with pool:
        seen = [registry.handle(event).result() for event in (Event("paid"), Shipped())]
    assert [span.name for span in handlers(recorder)] == ["process paid", "process Shipped"]
    assert seen == [ids(span) for span in handlers(recorder)]
    assert unhandled(recorder) == []


# --- On and off ---------------------------------------------------------------------------------------------------


def test_disabled_the_originals_are_back_and_handlers_only_pass_on(library: Any) -> None:
    originals = dict(vars(ByInstance)), dict(vars(ByClass)), dict(vars(Static))
    with recording() as recorder:
        for kind in (ByInstance, ByClass, Static):
            otel_eda.registry(kind)
        registry = ByInstance()
        registry.register("paid", seeing)
        registry.handle(Event("paid"))
        otel_eda.disable()
        assert (dict(vars(ByInstance)), dict(vars(ByClass)), dict(vars(Static))) == originals
        assert registry.handle(Event("paid")) == [(0, 0)]
        assert len(handlers(recorder)) == 1
        otel_eda.enable(recorder.tracer_provider, recorder.meter_provider)
        registry.handle(Event("paid"))
        assert len(handlers(recorder)) == 2


def test_named_twice_it_is_once(recorder: Recorder) -> None:
    registry = otel_eda.registry(otel_eda.registry(ByInstance))()
    registry.register("paid", seeing)
    registry.handle(Event("paid"))
    assert len(handlers(recorder)) == 1


def test_registered_twice_each_call_has_one_span(recorder: Recorder) -> None:
    registry, other = otel_eda.registry(ByInstance)(), ByInstance()
    registry.register("paid", seeing)
    other.register("paid", registry.handlers["paid"][0])
    other.handle(Event("paid"))
    assert len(handlers(recorder)) == 1


def test_suppressed_there_is_nothing(recorder: Recorder) -> None:
    registry = otel_eda.registry(ByInstance)()
    registry.register("paid", seeing)
    with suppress_instrumentation():
        assert registry.handle(Event("paid")) == [(0, 0)]
        registry.handle(Event("lost"))
    assert (handlers(recorder), unhandled(recorder)) == ([], [])


@pytest.mark.parametrize("names", [{"register": "nowhere"}, {"dispatch": "nowhere"}], ids=str)
@pytest.mark.parametrize("on", [True, False])
def test_a_method_that_there_is_not_is_told_at_once_and_spoils_nothing(
    names: dict[str, str], on: bool, library: Any
) -> None:
    with recording() as recorder:
        if not on:
            otel_eda.disable()
        with pytest.raises(AttributeError, match=r"no method 'nowhere'.*otel_eda\.registry"):
            otel_eda.registry(ByInstance, **names)
        otel_eda.disable()
        otel_eda.enable(recorder.tracer_provider, recorder.meter_provider)
        otel_eda.registry(ByInstance)
        assert [*registries.registries.all] == [ByInstance]


# --- OTEL_EDA_REGISTRIES ------------------------------------------------------------------------------------------

_numbers = itertools.count()
SOURCE = """
class Outer:
    class Bus:
        def __init__(self):
            self.all = {}
        def register(self, event_type, handler):
            self.all[event_type] = handler
        def handle(self, event):
            return self.all[event.event_type](event)
        on, emit = register, handle
Bus = Outer.Bus
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module with a registry, that nobody has imported."""
    name = f"application_{next(_numbers)}"
    tmp_path.joinpath(f"{name}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "text", ["{}:Bus", "{}:Outer.Bus", " {}:Bus() ; ", "{}:Bus(on, emit)", "{}:Bus(,emit,event_type)", "{}:Bus(on);"]
)
@pytest.mark.parametrize("early", [False, True], ids=["imported later", "imported before"])
def test_a_variable_is_enough(
    text: str, early: bool, module: str, library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if early:
        importlib.import_module(module)
    with recording(strict=False) as recorder:
        monkeypatch.setenv("OTEL_EDA_REGISTRIES", text.format(module))
        otel_eda.enable(recorder.tracer_provider, recorder.meter_provider)
        assert (module in sys.modules) is early
        bus = importlib.import_module(module).Bus()
        register = bus.on if "on" in text.partition("(")[2] else bus.register
        dispatch_ = bus.emit if "emit" in text else bus.handle
        register("paid", seeing)
        assert dispatch_(Event("paid")) == ids(*handlers(recorder))


@pytest.mark.parametrize(
    "text", ["nonsense", "a.b.c", "a:b(c,d,e,f)", "a:b(c", ":", "{}:Bus(on);nonsense", "{}:Nowhere", "{}:Bus(nowhere)"]
)
def test_a_wrong_variable_is_told_and_breaks_nothing(
    text: str, module: str, library: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with recording(strict=False, quiet=False) as recorder:
        for _ in range(2):
            monkeypatch.setenv("OTEL_EDA_REGISTRIES", text.format(module))
            otel_eda.enable(recorder.tracer_provider, recorder.meter_provider)
            bus = importlib.import_module(module).Bus()
            bus.register("paid", seeing)
            bus.handle(Event("paid"))
            otel_eda.disable()
            monkeypatch.delenv("OTEL_EDA_REGISTRIES")
            otel_eda.enable(recorder.tracer_provider, recorder.meter_provider)
            otel_eda.disable()
    assert {record.name for record in caplog.records} == {"otel_eda"}
    assert sum(guard.failures.values()) + ("is not of the form" in caplog.text) >= 1


def test_a_failing_step_of_ours_leaves_the_call_alone(
    library: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Hostile:
        @property
        def event_type(self) -> str:
            raise ZeroDivisionError

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


# --- What a registry is handed is the application's own function ----------------------------------------------------


class Weak:
    """Holds functions weakly, and methods as Django's signals do, each once; finds them by identity."""

    def __init__(self) -> None:
        self.receivers: dict[object, Any] = {}

    @staticmethod
    def identity(receiver: Any) -> object:
        return (id(receiver.__self__), id(receiver.__func__)) if hasattr(receiver, "__self__") else id(receiver)

    def register(self, *receivers: Any) -> None:
        for receiver in receivers:
            kind: Any = weakref.WeakMethod if hasattr(receiver, "__self__") else weakref.ref
            self.receivers.setdefault(self.identity(receiver), kind(receiver))

    def unregister(self, receiver: Any) -> bool:
        return self.receivers.pop(self.identity(receiver), None) is not None

    def handle(self, event: object) -> list[Any]:
        return [receiver(event) for one in list(self.receivers.values()) if (receiver := one())]


class Screen:
    def show(self, _: object) -> tuple[int, int]:
        return current()


def weak() -> Weak:
    otel_eda.registry(Weak)
    return Weak()


def test_a_function_that_is_held_weakly_lives_as_long_as_it_does(recorder: Recorder) -> None:
    registry = weak()

    def shown(_: object) -> tuple[int, int]:
        return current()

    registry.register(shown)
    gc.collect()
    assert registry.handle(Event("paid")) == [ids(*handlers(recorder))]
    del shown
    gc.collect()
    assert registry.handle(Event("paid")) == []


def test_a_method_may_be_held_weakly(recorder: Recorder) -> None:
    registry, screen = weak(), Screen()
    registry.register(screen.show)
    assert registry.handle(Event("paid")) == [ids(*handlers(recorder))]
    assert registry.unregister(screen.show)


def test_a_handler_is_registered_once_and_found_again(recorder: Recorder) -> None:
    registry = weak()
    registry.register(seeing)
    registry.register(seeing)
    assert registry.handle(Event("paid")) == [ids(*handlers(recorder))]
    assert registry.unregister(seeing)
    assert registry.receivers == {}


def test_each_of_several_callables_is_seen(recorder: Recorder) -> None:
    registry, screen = weak(), Screen()
    registry.register(seeing, screen.show)
    seen = registry.handle(Event("paid"))
    assert seen == [ids(span) for span in handlers(recorder)]
    assert len({*seen}) == 2


def test_a_closure_that_holds_itself_is_freed(recorder: Recorder) -> None:
    registry = weak()

    def made() -> Any:
        def shown(_: object) -> Any:
            return shown

        return shown

    shown = made()
    registry.register(shown)
    kept = weakref.ref(shown)
    del shown
    gc.collect()
    assert kept() is None


def test_switched_off_a_handler_has_its_own_code_back(recorder: Recorder) -> None:
    registry = weak()

    def shown(_: object) -> tuple[int, int]:
        return current()

    before = shown.__code__
    registry.register(shown)
    assert shown.__code__ is not before
    otel_eda.disable()
    assert shown.__code__ is before
    otel_eda.enable(recorder.tracer_provider, recorder.meter_provider)
    assert registry.handle(Event("paid")) == [ids(*handlers(recorder))]
