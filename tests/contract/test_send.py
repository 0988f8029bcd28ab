"""A send span is current during the call and tells what became of the message."""

from __future__ import annotations

import gc
import logging
import time
from typing import TYPE_CHECKING

import pytest
from drivers.base import By, Can, Message, Sending
from opentelemetry import context, trace
from opentelemetry.trace import SpanKind
from support.spans import attribute, error_type, failed, ids, parent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivers.base import Driver
    from support.bus import Bus
    from support.recorder import Recorder

PARTITION, OFFSET = "messaging.destination.partition.id", "messaging.kafka.offset"


@pytest.mark.parametrize("by", By, ids=lambda by: by.value)
def test_each_send_has_one_span(bus: Bus, recorder: Recorder, by: By, driver: Driver) -> None:
    producer = bus.producer()
    for _ in range(3):
        producer.send(Message(), by).wait()
    assert {(span.kind, span.name) for span in recorder.sends(3)} == {
        (SpanKind.PRODUCER, f"{driver.verbs.send} {bus.destination}")
    }


def test_the_ambient_span_is_its_parent(bus: Bus, recorder: Recorder) -> None:
    producer = bus.producer()
    with recorder.tracer.start_as_current_span("ambient"):
        producer.send(Message()).wait()
    [ambient], [send] = recorder.own("ambient"), recorder.sends(1)
    assert parent(send) == ids(ambient)


@pytest.mark.needs(Can.HOOKS)
def test_it_is_current_during_the_call_only(bus: Bus, recorder: Recorder) -> None:
    seen: list[tuple[int, int]] = []

    def during() -> None:
        inside = trace.get_current_span().get_span_context()
        seen.append((inside.trace_id, inside.span_id))

    producer = bus.producer(hook=during)
    before = context.get_current()
    pending = producer.send(Message())
    assert context.get_current() == before
    pending.wait()
    assert seen == [ids(recorder.sends(1)[0])]


@pytest.mark.needs(Can.ACKS, Can.HOLD)
def test_it_ends_at_the_acknowledgement(bus: Bus, recorder: Recorder) -> None:
    producer = bus.producer(hold=True)
    pending = producer.send(Message())
    assert len(recorder.open("send")) == 1
    asked = time.time_ns()
    producer.flush()
    pending.wait()
    [send] = recorder.sends(1)
    assert send.start_time is not None
    assert send.end_time is not None
    assert send.start_time < asked <= send.end_time


@pytest.mark.needs(Can.ACKS, Can.PARTITIONS)
def test_it_tells_where_the_message_is(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    receipts = bus.send(*[Message()] * 3)
    found = [(attribute(span, PARTITION), attribute(span, OFFSET)) for span in recorder.sends(3)]
    assert found == [(str(receipt.partition), receipt.offset) for receipt in receipts]
    assert [offset for _, offset in found] == [0, 1, 2]


@pytest.mark.needs(Can.ACKS, Can.REFUSALS)
def test_a_delivery_failure_is_recorded(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    pending = bus.producer().send(driver.refused())
    with pytest.raises(Exception) as caught:  # noqa: PT011 (whatever the library reports)
        pending.wait()
    bus.send()
    bad, good = recorder.sends(2)
    assert (failed(bad), attribute(bad, "error.type")) == (True, error_type(caught.value))
    assert attribute(bad, OFFSET) is None
    assert (failed(good), attribute(good, "error.type")) == (False, None)


def test_a_call_that_raises_is_recorded(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    calls = driver.bad_calls(bus.destination)
    producer, consumer = bus.producer(), bus.consumer()
    with pytest.raises(Exception) as caught:  # noqa: PT011
        calls["send: value of a wrong type"](producer, consumer)
    [send] = recorder.sends(1)
    assert (failed(send), attribute(send, "error.type")) == (True, error_type(caught.value))


@pytest.mark.needs(Can.NO_ACKS)
def test_without_acknowledgements_it_ends_all_the_same(bus: Bus, recorder: Recorder) -> None:
    producer = bus.producer(acks=False)
    producer.send(Message())
    producer.flush()
    [send] = recorder.sends(1)
    assert not failed(send)
    assert attribute(send, OFFSET) is None


@pytest.fixture
def collected(driver: Driver, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Have the garbage of the test collected while its own filters for warnings hold; logs would keep it."""
    caplog.set_level(logging.CRITICAL, driver.module)
    yield
    gc.collect()


@pytest.mark.needs(Can.ABANDON)
def test_an_abandoned_send_ends_as_a_failure(
    bus: Bus, recorder: Recorder, driver: Driver, request: pytest.FixtureRequest, collected: None
) -> None:
    broker = request.getfixturevalue(driver.private)

    def abandon() -> None:
        # It exists, since what is given up after a second or two should not wait for its making.
        producer = driver.producer(broker.address, broker.topic(), Sending(impatient=True))
        producer.send(Message()).wait()
        broker.kill()
        producer.send(Message())
        producer.abandon()
        recorder.sends(2)
        producer.close()

    abandon()
    sent, lost = recorder.sends(2)
    assert not failed(sent)
    assert failed(lost)
    assert attribute(lost, "error.type")
