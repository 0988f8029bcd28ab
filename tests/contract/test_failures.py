"""Whatever step of ours fails, the application's calls go through and give the same."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from drivers.base import Can, Message, Shape
from support.recorder import recording
from support.sabotage import WAYS, SabotageError, failures

if TYPE_CHECKING:
    from drivers.base import Driver, Received
    from support.bus import Bus

EVERY_WAY = pytest.mark.parametrize("way", WAYS)


class BoomError(Exception):
    """What a body raises."""


@pytest.fixture(autouse=True)
def unlogged(caplog: pytest.LogCaptureFixture) -> None:
    """Have no log keep what failed, and with it every frame that was beneath: a loop would not be dropped."""
    caplog.set_level(logging.CRITICAL, "otel_eda")


@EVERY_WAY
def test_messages_go_through(bus: Bus, driver: Driver, way: str) -> None:
    given = [b"1", b"2", b"3"]
    failures.clear()
    with WAYS[way]() as options, recording(strict=False, quiet=False, **options):
        receipts = bus.send(*(Message(value) for value in given))
        found = {shape: [one.value for one in bus.received(shape, len(given))] for shape in driver.shapes}
    if "messaging.kafka.offset" in driver.known:
        assert [receipt.offset for receipt in receipts] == [0, 1, 2]
    assert found == dict.fromkeys(driver.shapes, given)
    assert failures or way == "span"  # of a success there may be nothing to add to one


@EVERY_WAY
@pytest.mark.needs(Can.HEADERS)
def test_headers_go_through(bus: Bus, driver: Driver, way: str) -> None:
    with WAYS[way]() as options, recording(strict=False, quiet=False, **options):
        bus.send(bus.message(("a", b"1")))
        [received] = bus.received(driver.shapes[0])
    assert received.headers[0] == ("a", b"1")
    assert {name for name, _ in received.headers[1:]} <= {"traceparent"}


@EVERY_WAY
@pytest.mark.shapes(Shape.LOOP, Shape.BATCH, Shape.CALLBACK)
def test_exceptions_go_through(bus: Bus, shape: Shape, way: str) -> None:
    error = BoomError()

    def body(_: Received) -> None:
        raise error

    with WAYS[way]() as options, recording(strict=False, quiet=False, **options):
        bus.send()
        with pytest.raises(BoomError) as caught:
            bus.consumer().consume(shape, body)
    assert caught.value is error


@EVERY_WAY
@pytest.mark.needs(Can.REFUSALS)
def test_delivery_failures_go_through(bus: Bus, driver: Driver, way: str) -> None:
    def reported() -> tuple[object, ...]:
        pending = bus.producer().send(driver.refused())
        with pytest.raises(Exception) as caught:  # noqa: PT011
            pending.wait()
        return caught.type, caught.value.args

    with WAYS[way]() as options, recording(strict=False, quiet=False, **options):
        assert reported() == reported_bare(bus, driver)


def reported_bare(bus: Bus, driver: Driver) -> tuple[object, ...]:
    """Give what the library reports of a message the broker refuses."""
    import otel_eda

    otel_eda.disable()
    pending = bus.producer().send(driver.refused())
    with pytest.raises(Exception) as caught:  # noqa: PT011
        pending.wait()
    return caught.type, caught.value.args


@EVERY_WAY
@pytest.mark.needs(Can.SETTLE)
def test_settling_goes_through(bus: Bus, driver: Driver, way: str) -> None:
    with WAYS[way]() as options, recording(strict=False, quiet=False, **options):
        bus.send(Message(b"1"), Message(b"2"))
        seen: list[Received] = []
        for value in (b"1", b"2"):
            consumer = bus.consumer(group=bus.destination)
            consumer.consume(driver.shapes[0], seen.append)
            consumer.settle()
            consumer.close()
            assert seen.pop().value == value


@pytest.mark.parametrize("way", ["tracer", "inject"])
def test_strictness_shows_the_failure(bus: Bus, way: str) -> None:
    with WAYS[way]() as options, recording(strict=True, quiet=False, **options):
        producer = bus.courier()
        with pytest.raises(SabotageError):
            producer.send(Message())
