"""Where no context is to be sent, a message is what the application sent, to the very objects."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from drivers.base import By, Can, Message
from opentelemetry import propagate
from opentelemetry.propagators.composite import CompositePropagator
from support import recorder as recorder_
from support.bus import pairs
from support.recorder import recording
from support.spans import links, parent

from otel_eda.core.patching.immutable import mutable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivers.base import Driver
    from support.bus import Bus

NEVER, NONE = "OTEL_EDA_INJECT", "OTEL_PROPAGATORS"
RULES = ("0", "{library}=0", "{destination}=0", "0,nowhere=1", "{destination}=1,*=0")


def told(bus: Bus, rule: str) -> None:
    """Have the setting say so."""
    recorder_.SETTINGS[NEVER] = rule.format(library=bus.driver.library, destination=bus.destination)


@pytest.fixture(params=[NEVER, NONE])
def silenced(request: pytest.FixtureRequest, bus: Bus) -> Iterator[None]:
    """Have nothing injected, by our setting or by that of OpenTelemetry."""
    before = propagate.get_global_textmap()
    if request.param == NEVER:
        told(bus, "0")
    else:
        propagate.set_global_textmap(CompositePropagator([]))
    yield
    propagate.set_global_textmap(before)


@pytest.mark.needs(Can.CONTEXT)
@pytest.mark.parametrize("rule", RULES)
def test_the_setting_names_the_messages_that_bring_no_context(bus: Bus, rule: str) -> None:
    told(bus, rule)
    with recording() as recorder:
        bus.producer().send(Message()).wait()
        (received,) = bus.received(bus.driver.shapes[0])
        recorder.sends(1)
        (process,) = recorder.processes(1)
    assert pairs(received.headers) == []
    assert (parent(process), links(process)) == (None, [])


@pytest.mark.needs(Can.CONTEXT)
@pytest.mark.parametrize("rule", ["1", "nowhere=0", "0,{library}=1", "0,{destination}=1"])
def test_the_others_bring_it(bus: Bus, rule: str) -> None:
    told(bus, rule)
    with recording() as recorder:
        bus.producer().send(Message()).wait()
        bus.received(bus.driver.shapes[0])
        recorder.sends(1)
        (process,) = recorder.processes(1)
    assert len(links(process)) == 1


@pytest.mark.needs(Can.HEADERS)
def test_headers_are_what_they_are_without_us(bus: Bus, silenced: None) -> None:
    def sent() -> list[Any]:
        destination = bus.make()
        producer = bus.producer(destination)
        for message in (Message(), bus.message(), bus.message(("a", b"1"))):
            producer.send(message).wait()
        return [native_headers(one.native) for one in bus.received(bus.driver.shapes[0], 3, destination)]

    bare = sent()
    with recording() as recorder:
        assert sent() == bare
        recorder.sends(3)


def native_headers(native: Any) -> Any:
    """Give a message's headers as the library has them: None may stand for none, or an empty list."""
    native = native[1] if type(native) is tuple else native  # pika gives a message's properties before its body
    return native.headers() if callable(native.headers) else native.headers


class Noting:
    """A wrapper around the method that sends, which notes what it is called with."""

    def __init__(self, driver: Driver) -> None:
        self.kind, self.name = driver.sender
        self.calls: list[list[Any]] = []

    @contextmanager
    def there(self) -> Iterator[None]:
        """Be around what is there now, for the length of the block."""
        wrapped = vars(self.kind)[self.name]

        @functools.wraps(wrapped)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            self.calls.append([*args, *kwargs.values()])
            return wrapped(*args, **kwargs)

        self._set(wrapper)
        try:
            yield
        finally:
            self._set(wrapped)

    def _set(self, function: Any) -> None:
        with mutable(self.kind):
            setattr(self.kind, self.name, function)


@pytest.mark.needs(Can.HEADERS)
@pytest.mark.parametrize("by", By, ids=lambda by: by.value)
def test_the_library_gets_the_very_arguments(bus: Bus, driver: Driver, silenced: None, by: By) -> None:
    given, taken = Noting(driver), Noting(driver)
    with taken.there(), recording() as recorder, given.there():
        producer = bus.producer()
        producer.send(Message(), by).wait()
        producer.send(bus.message(("a", b"1")), by).wait()
        recorder.sends(len(given.calls))
    assert len(given.calls) == len(taken.calls) > 0
    for mine, theirs in zip(given.calls, taken.calls, strict=True):
        others = [one for one in theirs if not any(one is other for other in mine)]
        # Whom the answer is told to is ours to say.
        assert [one for one in others if not type(one).__module__.startswith("otel_eda.")] == []
