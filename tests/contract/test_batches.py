"""A batch is the library's own, and each message of it is processed when the batch is iterated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from drivers.base import Message, Shape
from support.bus import content
from support.recorder import recording
from support.spans import attribute, ids, parent

if TYPE_CHECKING:
    from drivers.base import Consumer, Driver
    from support.bus import Bus
    from support.recorder import Recorder


@pytest.mark.shapes(Shape.BATCH)
def test_copying_a_batch_is_not_processing(bus: Bus, recorder: Recorder, consumer: Consumer) -> None:
    bus.send(*[Message()] * 2)
    batch = consumer.batch(2)
    first, second = batch
    copies = [list(batch), sorted(batch, key=id), [*batch], tuple(batch), batch[:], batch[::-1], [batch[0], batch[1]]]
    assert all(len(copied) == 2 for copied in copies)
    assert (batch[0] is first, batch[-1] is second, first in batch, bool(batch)) == (True, True, True, True)
    assert batch == [first, second]
    recorder.receives(1)
    recorder.processes(0)
    assert not recorder.open()


@pytest.mark.shapes(Shape.BATCH)
def test_a_batch_is_what_the_library_gives(bus: Bus, driver: Driver) -> None:
    def given() -> list[object]:
        consumer = bus.consumer()
        result = consumer.some()
        assert isinstance(result, driver.batch_type)
        assert all(isinstance(batch, list) for batch in consumer.lists(result))
        return [content(consumer.read(native)) for batch in consumer.lists(result) for native in batch]

    bus.send(*[Message()] * 3)
    bare = given()
    with recording() as recorder:
        assert given() == bare
        recorder.receives(1)


@pytest.mark.shapes(Shape.BATCH)
def test_a_batch_iterated_twice_is_processed_twice(bus: Bus, recorder: Recorder, consumer: Consumer) -> None:
    bus.send(*[Message()] * 2)
    batch = consumer.batch(2)
    for _ in range(2):
        for _ in batch:
            pass
    sent = [ids(span) for span in recorder.sends(2)]
    assert [parent(span) for span in recorder.processes(4)] == sent * 2
    assert [attribute(span, "eda.process.manual") for span in recorder.processes(4)] == [None, None, True, True]
    assert [attribute(span, "eda.message.redelivered") for span in recorder.processes(4)] == [None] * 4
