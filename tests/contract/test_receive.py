"""A receive span is made where a pull brought several messages; the messages are its links."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from drivers.base import Can, Message, Shape
from opentelemetry.trace import SpanKind
from support.spans import attribute, ids, links, parent
from support.waiting import until

if TYPE_CHECKING:
    from drivers.base import Driver
    from support.bus import Bus
    from support.recorder import Recorder

BATCHES = pytest.mark.shapes(Shape.BATCH)
COUNT, DESTINATION = "messaging.batch.message_count", "messaging.destination.name"
PARTITION, OFFSET = "messaging.destination.partition.id", "messaging.kafka.offset"


@BATCHES
def test_a_batch_has_one_receive_span(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    bus.send(*[Message()] * 3)
    bus.consumer().batch(3)
    [receive] = recorder.receives(1)
    assert (receive.kind, receive.name) == (SpanKind.CLIENT, f"{driver.verbs.receive} {bus.destination}")
    assert attribute(receive, COUNT) == 3


@BATCHES
@pytest.mark.needs(Can.HEADERS)
def test_it_links_to_every_message(bus: Bus, recorder: Recorder) -> None:
    receipts = bus.send(*[Message()] * 3)
    bus.consumer().batch(3)
    [receive] = recorder.receives(1)
    assert links(receive) == [ids(span) for span in recorder.sends(3)]
    found = [link.attributes or {} for link in receive.links]
    assert [(one.get(PARTITION), one.get(OFFSET)) for one in found] == [
        (str(receipt.partition), receipt.offset) for receipt in receipts
    ]


@BATCHES
def test_it_is_in_the_ambient_trace(bus: Bus, recorder: Recorder) -> None:
    bus.send()
    with recorder.tracer.start_as_current_span("ambient"):
        bus.consumer().batch(1)
    [receive], [ambient] = recorder.receives(1), recorder.own("ambient")
    assert parent(receive) == ids(ambient)


@BATCHES
@pytest.mark.needs(Can.HEADERS)
def test_it_is_no_parent_of_the_processing(bus: Bus, recorder: Recorder) -> None:
    bus.send(*[Message()] * 2)
    bus.received(Shape.BATCH, 2)
    assert [parent(span) for span in recorder.processes(2)] == [ids(span) for span in recorder.sends(2)]


@BATCHES
@pytest.mark.needs(Can.HOOKS)
def test_it_covers_the_pull(bus: Bus, recorder: Recorder) -> None:
    bus.send()
    during: list[int] = []
    consumer = bus.consumer(hook=lambda: during.append(time.time_ns()))
    before = time.time_ns()
    consumer.batch(1)
    after = time.time_ns()
    [receive] = recorder.receives(1)
    assert receive.start_time is not None
    assert receive.end_time is not None
    assert before <= receive.start_time <= during[0] <= receive.end_time <= after


@BATCHES
def test_an_empty_pull_makes_no_span(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    consumer = bus.consumer()
    for timeout in (0, 0.2):
        result = consumer.poll(timeout)
        assert type(result) is driver.batch_type
        assert not result
    assert recorder.ours() == []
    bus.send()
    consumer.batch(1)
    recorder.receives(1)


@pytest.mark.shapes(Shape.LOOP, Shape.PULL, Shape.CALLBACK)
def test_one_message_at_a_time_makes_none(bus: Bus, recorder: Recorder, shape: Shape) -> None:
    bus.send(*[Message()] * 2)
    bus.received(shape, 2)
    recorder.receives(0)
    recorder.processes(2)


@BATCHES
@pytest.mark.needs(Can.SEVERAL, Can.REWIND)
def test_a_batch_from_several_destinations_names_none(bus: Bus, recorder: Recorder, driver: Driver) -> None:
    destinations = bus.make(), bus.make()
    for destination in destinations:
        bus.send(Message(destination.encode()), destination=destination)
    consumer = bus.consumer(*destinations)

    def both() -> object:
        result = consumer.poll(1)
        read = [consumer.read(native) for batch in consumer.lists(result) for native in list(batch)]
        if {received.destination for received in read} == {*destinations}:
            return result
        consumer.rewind()
        return None

    result = until(both, "a batch from both")
    receive = recorder.journal.ended()[-1]
    assert (receive.name, attribute(receive, DESTINATION)) == (driver.verbs.receive, None)
    assert attribute(receive, COUNT) == 2
    sent = {attribute(span, DESTINATION): ids(span) for span in recorder.sends(2)}
    read = [consumer.read(native).destination for batch in consumer.lists(result) for native in batch]
    assert links(receive) == [sent[destination] for destination in read]
