"""What happens to a consumer between construction and close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.tinyqueue import Consumer, Queue

if TYPE_CHECKING:
    from support.recorder import Recorder


def test_what_a_seek_left_out_may_come_later(queue: Queue, recorder: Recorder) -> None:
    consumer: Any = Consumer(queue, "orders")
    consumer.itself = consumer
    seen = [next(consumer).value]
    for offset in (2, 1):
        consumer.seek("orders", offset)
        seen.append(next(consumer).value)
    consumer.close()
    assert seen == [1, 3, 2]
    assert recorder.count("eda.reprocessed.messages") == 0
