"""What a message says that the broker takes for done when it sends it: it will not come again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from support.spans import attribute

import otel_eda

from .conftest import drained, published
from .test_callbacks import kind, take

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika.adapters.blocking_connection import BlockingChannel
    from pika.channel import Channel
    from support.recorder import Recorder

__all__ = ["kind", "take"]
AUTO = "eda.message.auto_ack"


def get(channel: BlockingChannel, queue: str, auto: bool) -> None:
    channel.basic_get(queue, auto_ack=auto)


def generate(channel: BlockingChannel, queue: str, auto: bool) -> None:
    next(channel.consume(queue, auto_ack=auto))


def call_back(channel: BlockingChannel, queue: str, auto: bool) -> None:
    seen = channel.__dict__["seen"] = []
    channel.basic_consume(queue, lambda *parts: seen.append(parts), auto_ack=auto)
    drained(channel, channel.connection, 1)


@pytest.mark.parametrize("auto", [True, False])
@pytest.mark.parametrize("way", [get, generate, call_back])
def test_each_way_to_receive_says_it(
    channel: BlockingChannel, queue: str, recorder: Recorder, way: Callable[..., None], auto: bool
) -> None:
    published(channel, queue, b"1")
    way(channel, queue, auto)
    channel.close()
    [process] = recorder.processes(1)
    assert attribute(process, AUTO) is (True if auto else None)


def test_a_channel_that_calls_back_says_it(queue: str, take: Any, recorder: Recorder) -> None:
    def steps(_: Any, channel: Channel, done: Callable[[], None]) -> None:
        channel.basic_publish("", queue, b"1")
        channel.basic_consume(queue, lambda *_: done(), auto_ack=True)

    take(steps)
    assert attribute(recorder.processes(1)[0], AUTO) is True


def test_of_a_message_by_hand_it_is_not_known(channel: BlockingChannel, queue: str, recorder: Recorder) -> None:
    published(channel, queue, b"1")
    with suppress_instrumentation():
        parts = channel.basic_get(queue)
    with otel_eda.process(parts):
        pass
    assert attribute(recorder.processes(1)[0], AUTO) is None
