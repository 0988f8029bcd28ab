"""The application cannot tell that it is watched: same arguments, results, exceptions and signatures."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import pytest
from drivers.base import By, Can, Message
from support.bus import content
from support.recorder import recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.base import Driver, Shape
    from support.bus import Bus


def faces(driver: Driver) -> dict[str, tuple[object, ...]]:
    """Tell how each of the classes' functions looks to whoever asks."""
    functions = {
        (kind, name): getattr(kind, name)
        for kind in driver.classes
        for name in dir(kind)
        if inspect.isroutine(getattr(kind, name)) and not name.startswith("__")
    }
    return {f"{kind.__qualname__}.{name}": face(function) for (kind, name), function in functions.items()}


def face(function: Any) -> tuple[object, ...]:
    """Tell how a function looks."""
    names = ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__")
    kinds = (inspect.isroutine, inspect.iscoroutinefunction, inspect.isgeneratorfunction)
    return (
        asked(inspect.signature, function),
        asked(inspect.getsource, function),
        *(getattr(function, name, None) or None for name in names),
        *(kind(function) for kind in kinds),
    )


def asked(question: Callable[[Any], object], function: Any) -> object:
    """Ask about a function; one of an extension module may have no answer."""
    try:
        return question(function)
    except (TypeError, ValueError, OSError) as error:
        return type(error)


def test_functions_look_the_same(driver: Driver) -> None:
    bare = faces(driver)
    before = [dict(vars(kind)) for kind in driver.classes]
    with recording():
        assert [dict(vars(kind)) for kind in driver.classes] != before
        assert faces(driver) == bare


def test_clients_are_of_the_librarys_own_types(bus: Bus, driver: Driver) -> None:
    bare = [type(client.native) for client in (bus.producer(), bus.consumer(bus.make()))]
    with recording():
        assert [type(client.native) for client in (bus.producer(), bus.consumer(bus.make()))] == bare


@pytest.mark.parametrize("by", By, ids=lambda by: by.value)
def test_sends_give_what_the_library_gives(bus: Bus, by: By) -> None:
    def results() -> list[object]:
        producer = bus.producer(bus.make())
        pending = [producer.send(message, by) for message in (Message(b"1"), Message(None, b"key"), Message(b"", b"k"))]
        receipts = [one.wait() for one in pending]
        return [
            [type(one.native) for one in pending],
            [type(one.native) for one in receipts],
            [(one.partition, one.offset) for one in receipts],
        ]

    bare = results()
    with recording() as recorder:
        assert results() == bare
        recorder.sends(3)


def test_arguments_arrive_however_they_are_passed(bus: Bus, driver: Driver, shape: Shape) -> None:
    def sent() -> list[object]:
        can = driver.can
        destination = bus.make(partitions=2) if Can.PARTITIONS in can else bus.make()
        producer = bus.producer(destination)
        for by in By:
            headers = bus.headers(("by", by.value.encode())) if Can.HEADERS in can else None
            key, partition = b"key" if Can.KEYS in can else None, 1 if Can.PARTITIONS in can else None
            producer.send(Message(by.value.encode(), key, headers, partition), by).wait()
        return [content(received) for received in bus.received(shape, len(By), destination)]

    bare = sent()
    with recording() as recorder:
        assert sent() == bare
        recorder.sends(len(By))
        recorder.processes(len(By))


@pytest.mark.needs(Can.REWIND)
def test_messages_are_what_the_library_gives(bus: Bus, shape: Shape) -> None:
    bus.send(Message(b"1", b"key"), bus.message(("a", b"1")), Message(b""))
    bare = bus.received(shape, 3)
    with recording() as recorder:
        watched = bus.received(shape, 3)
        recorder.processes(3)
    assert [content(received) for received in watched] == [content(received) for received in bare]


def test_bad_calls_raise_what_the_library_raises(bus: Bus, driver: Driver) -> None:
    def raised() -> dict[str, object]:
        destination = bus.make()
        producer, consumer = bus.producer(destination), bus.consumer(destination)
        found: dict[str, object] = {}
        for case, call in driver.bad_calls(bus.destination).items():
            with pytest.raises(Exception) as caught:  # noqa: PT011 (they are compared)
                call(producer, consumer)
            error = caught.value
            found[case] = (type(error), error.args, type(error.__cause__), type(error.__context__))
        return found

    bare = raised()
    with recording():
        assert raised() == bare


def test_a_closed_consumer_ends_as_the_library_has_it(bus: Bus, driver: Driver, shape: Shape) -> None:
    def ended() -> tuple[object, ...]:
        consumer = bus.consumer(bus.make())
        consumer.close()
        with pytest.raises(Exception) as caught:  # noqa: PT011
            consumer.consume(shape, lambda _: None)
        return caught.type, [re.sub("0x[0-9a-f]+", "0x", str(arg)) for arg in caught.value.args]

    bare = ended()
    with recording():
        assert ended() == bare
