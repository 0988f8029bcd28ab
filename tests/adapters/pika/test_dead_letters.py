"""What a refusal says of its queue: whether the application itself declared it with a dead-letter exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from pika.exceptions import ChannelClosedByBroker
from support.spans import attribute

from .conftest import published
from .test_callbacks import kind, take

if TYPE_CHECKING:
    from brokers.rabbitmq import RabbitMQ
    from pika import BlockingConnection
    from pika.adapters.blocking_connection import BlockingChannel
    from pika.channel import Channel
    from support.recorder import Recorder

__all__ = ["kind", "take"]
DEAD_LETTER = "eda.settle.dead_letter"
WITH = {"x-dead-letter-exchange": ""}


@pytest.fixture
def of_another(rabbitmq: RabbitMQ) -> Any:
    """Make a queue as another program does, of which nothing is known here."""

    def made(**arguments: Any) -> str:
        with suppress_instrumentation():
            return rabbitmq.queue(arguments)

    return made


def refused(channel: BlockingChannel, *queues: str) -> None:
    for queue in queues:
        published(channel, queue, b"1")
        method, _, _ = channel.basic_get(queue)
        channel.basic_reject(method.delivery_tag, requeue=False)


@pytest.mark.parametrize("arguments", [WITH, {"x-max-length": 7}, {}, None])
def test_a_refusal_says_what_its_queue_was_declared_with(
    connection: BlockingConnection, of_another: Any, recorder: Recorder, arguments: dict[str, Any] | None
) -> None:
    queue = of_another(**(arguments or {}))
    given = None if arguments is None else dict(arguments)
    assert connection.channel().queue_declare(queue, durable=True, arguments=given).method.queue == queue
    assert given == arguments
    refused(connection.channel(), queue)  # another channel knows it, too
    assert [attribute(span, DEAD_LETTER) for span in recorder.settles(1)] == [arguments == WITH]


def test_nothing_is_said_of_a_queue_that_others_declared(
    channel: BlockingChannel, of_another: Any, recorder: Recorder
) -> None:
    queue = of_another(**WITH)
    channel.queue_declare(queue, passive=True)
    refused(channel, queue)
    other = of_another(**WITH)
    with pytest.raises(ChannelClosedByBroker):
        channel.connection.channel().queue_declare(other, durable=True)
    refused(channel, other)
    assert [attribute(span, DEAD_LETTER) for span in recorder.settles(2)] == [None, None]


def test_only_what_is_refused_for_good_may_be_a_dead_letter(channel: BlockingChannel, recorder: Recorder) -> None:
    queue = channel.queue_declare("", exclusive=True, arguments=dict(WITH)).method.queue  # the broker names it
    published(channel, queue, b"1")
    channel.basic_reject(channel.basic_get(queue)[0].delivery_tag)
    channel.basic_ack(channel.basic_get(queue)[0].delivery_tag)
    refused(channel, queue)
    assert [attribute(span, DEAD_LETTER) for span in recorder.settles(3)] == [None, None, True]


@pytest.mark.parametrize(("second", "said"), [(WITH, True), ({}, None)], ids=["alike", "unlike"])
def test_of_several_it_is_said_where_it_is_true_of_all(
    rabbitmq: RabbitMQ, channel: BlockingChannel, recorder: Recorder, second: dict[str, Any], said: bool | None
) -> None:
    for arguments in (WITH, second):
        queue = rabbitmq.queue(arguments)
        published(channel, queue, b"1")
        channel.basic_get(queue)
    channel.basic_nack(0, multiple=True, requeue=False)
    assert [attribute(span, DEAD_LETTER) for span in recorder.settles(1)] == [said]


def test_a_channel_that_calls_back_learns_it_from_the_answer(take: Any, of_another: Any, recorder: Recorder) -> None:
    queue, other = of_another(**WITH), of_another(**WITH)
    answers: list[Any] = []
    refusals: list[str] = []

    def steps(_: Any, channel: Channel, done: Any) -> None:
        def delivered(channel: Channel, method: Any, *_: object) -> None:
            channel.basic_nack(method.delivery_tag, requeue=False)
            refusals.append(method.routing_key)
            if len(refusals) == 2:
                done()

        def declared(answer: Any) -> None:
            answers.append(answer)
            channel.queue_declare(other, passive=True, callback=answers.append)
            for name in (queue, other):
                channel.basic_consume(name, delivered)
                channel.basic_publish("", name, b"1")

        channel.queue_declare(queue, durable=True, arguments=dict(WITH), callback=declared)

    take(steps)
    assert [answer.method.queue for answer in answers] == [queue, other]
    said = {attribute(span, "messaging.destination.name"): attribute(span, DEAD_LETTER) for span in recorder.settles(2)}
    assert said == {queue: True, other: None}
