"""Switching on and off leaves nothing behind, whoever else changes the library meanwhile."""

from __future__ import annotations

import functools
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from drivers.base import Message
from support.recorder import recording

import otel_eda
from otel_eda.core.patching.immutable import mutable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivers.base import Driver, Shape
    from support.bus import Bus
    from support.recorder import Recorder


@pytest.fixture(autouse=True)
def originals(driver: Driver) -> Iterator[dict[type, dict[str, Any]]]:
    """What the classes were; they are so again afterwards, whatever the test did."""
    before = {kind: dict(vars(kind)) for kind in driver.classes}
    yield before
    otel_eda.disable()
    for kind, attributes in before.items():
        with mutable(kind):
            for name in set(vars(kind)) - set(attributes):
                delattr(kind, name)
            for name in [name for name, value in attributes.items() if vars(kind)[name] is not value]:
                setattr(kind, name, attributes[name])


def changed(originals: dict[type, dict[str, Any]]) -> set[str]:
    """Name what is not the very original."""
    return {
        f"{kind.__name__}.{name}"
        for kind, attributes in originals.items()
        for name in set(attributes) | set(vars(kind))
        if vars(kind).get(name) is not attributes.get(name) and not isinstance(attributes.get(name), int)  # a counter
    }


def spans_of_one_message(bus: Bus, shape: Shape, recorder: Recorder) -> tuple[int, int]:
    """Count the spans that one message makes: sends and processes."""
    destination = bus.make()
    bus.producer(destination).send(Message()).wait()
    bus.received(shape, 1, destination)
    made = Counter(str((span.attributes or {}).get("messaging.operation.type")) for span in recorder.ours())
    return made["send"], made["process"]


def test_disable_restores_the_very_originals(originals: dict[type, dict[str, Any]]) -> None:
    with recording():
        assert changed(originals)
    assert not changed(originals)


def test_enabling_twice_is_once(bus: Bus, shape: Shape, originals: dict[type, dict[str, Any]]) -> None:
    with recording() as recorder:
        once = {kind: dict(vars(kind)) for kind in originals}
        otel_eda.enable(tracer_provider=recorder.tracer_provider, meter_provider=recorder.meter_provider)
        assert not changed(once)
        assert spans_of_one_message(bus, shape, recorder) == (1, 1)
        otel_eda.disable()
        assert not changed(originals)


def test_disabling_twice_is_once(originals: dict[type, dict[str, Any]]) -> None:
    with recording():
        otel_eda.disable()
        assert not changed(originals)
        otel_eda.disable()
        assert not changed(originals)


def test_disabling_what_was_never_enabled_does_nothing(originals: dict[type, dict[str, Any]]) -> None:
    otel_eda.disable()
    assert not changed(originals)


def test_enabled_again_spans_are_single(bus: Bus, shape: Shape, originals: dict[type, dict[str, Any]]) -> None:
    with recording() as first:
        pass
    assert not changed(originals)
    with recording() as second:
        assert spans_of_one_message(bus, shape, second) == (1, 1)
    assert first.ours() == []


def test_disabled_there_are_no_spans(bus: Bus, shape: Shape) -> None:
    producer, consumer = bus.producer(), bus.consumer()
    with recording() as recorder:
        otel_eda.disable()
        producer.send(Message()).wait()
        consumer.consume(shape, lambda _: None)
        consumer.close()
        assert recorder.ours() == []
        assert recorder.count("messaging.client.sent.messages") == 0


def test_clients_made_before_are_instrumented(bus: Bus, shape: Shape) -> None:
    producer, consumer = bus.producer(), bus.consumer()
    with recording() as recorder:
        producer.send(Message()).wait()
        consumer.consume(shape, lambda _: None)
        consumer.close()
        recorder.sends(1)
        recorder.processes(1)


def test_clients_made_meanwhile_work_on_afterwards(bus: Bus, shape: Shape) -> None:
    with recording() as recorder:
        producer, consumer = bus.producer(), bus.consumer()
    producer.send(Message(b"1")).wait()
    seen: list[object] = []
    consumer.consume(shape, lambda received: seen.append(received.value))
    assert seen == [b"1"]
    assert recorder.ours() == []


@pytest.mark.parametrize(
    ("only", "without", "patched"),
    [
        (None, None, True),
        (["{}"], None, True),
        ([], None, False),
        (["registries"], None, False),
        (None, ["{}"], False),
        (None, ["registries"], True),
        (["{}"], ["{}"], False),
    ],
    ids=str,
)
def test_libraries_can_be_chosen(
    driver: Driver,
    originals: dict[type, dict[str, Any]],
    only: list[str] | None,
    without: list[str] | None,
    patched: bool,
) -> None:
    def named(names: list[str] | None) -> list[str] | None:
        return None if names is None else [name.format(driver.library) for name in names]

    with recording(only=named(only), without=named(without)):
        assert bool(changed(originals)) is patched
    assert not changed(originals)


def test_a_name_that_is_none_is_refused(driver: Driver, originals: dict[type, dict[str, Any]]) -> None:
    for names in (["another"], [driver.library, "another"]):
        with pytest.raises(ValueError, match="another"):
            otel_eda.enable(only=names)
        with pytest.raises(ValueError, match="another"):
            otel_eda.enable(without=names)
        assert not changed(originals)


class Foreign:
    """Someone else's wrapper around the method that sends."""

    def __init__(self, driver: Driver) -> None:
        self.kind, self.name = driver.sender
        self.calls = 0
        self.wrapped = wrapped = vars(self.kind)[self.name]

        @functools.wraps(wrapped)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return wrapped(*args, **kwargs)

        self.wrapper = wrapper
        self._set(wrapper)

    def _set(self, function: Any) -> None:
        with mutable(self.kind):
            setattr(self.kind, self.name, function)

    @property
    def there(self) -> bool:
        """Whether it is still what the class has."""
        return vars(self.kind)[self.name] is self.wrapper

    def leave(self) -> None:
        """Put back what was there before."""
        self._set(self.wrapped)


def send(bus: Bus) -> None:
    """Send a message by what is wrapped."""
    bus.producer().send(Message()).wait()


def test_a_wrapper_around_ours_survives(bus: Bus, driver: Driver) -> None:
    with recording() as recorder:
        foreign = Foreign(driver)
        send(bus)
        recorder.sends(1)
    assert foreign.there
    send(bus)
    assert foreign.calls == 2
    assert len(recorder.ours()) == 1


def test_a_wrapper_around_ours_can_leave_later(bus: Bus, driver: Driver) -> None:
    with recording() as recorder:
        foreign = Foreign(driver)
    foreign.leave()
    send(bus)
    assert foreign.calls == 0
    assert recorder.ours() == []


@pytest.mark.parametrize("leaves", [False, True], ids=["it stays", "it leaves"])
def test_enabled_again_below_a_wrapper_spans_are_single(bus: Bus, driver: Driver, leaves: bool) -> None:
    with recording():
        foreign = Foreign(driver)
    with recording() as recorder:
        send(bus)
        recorder.sends(1)
        if leaves:
            foreign.leave()
            send(bus)
    assert foreign.calls == 1
    assert len(recorder.ours()) in ({1, 2} if leaves else {1})


def test_a_wrapper_below_ours_survives(bus: Bus, driver: Driver) -> None:
    foreign = Foreign(driver)
    with recording() as recorder:
        send(bus)
        recorder.sends(1)
    assert foreign.there
    assert foreign.calls == 1
