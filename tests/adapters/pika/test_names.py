"""Queues that the broker names: what spans and metrics say of them, and of settlements across queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pika import BasicProperties
from support.recorder import count
from support.spans import attribute, failed
from support.waiting import until

if TYPE_CHECKING:
    from pika import BlockingConnection
    from pika.adapters.blocking_connection import BlockingChannel
    from support.recorder import Recorder

NAME, TEMPLATE = "messaging.destination.name", "messaging.destination.template"
MARKS = ("messaging.destination.anonymous", "messaging.destination.temporary")
REPLY = "amq.rabbitmq.reply-to"
GENERATED = "amq.gen-{id}"


def got(channel: BlockingChannel, queue: str) -> Any:
    """Get a message, waiting for it to arrive, and give its delivery tag."""
    return until(lambda: channel.basic_get(queue)[0], f"a message in {queue}").delivery_tag


def test_a_queue_that_the_broker_names(channel: BlockingChannel, recorder: Recorder) -> None:
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_publish("", queue, b"1")
    channel.basic_ack(got(channel, queue))
    channel.basic_get(queue)  # ends the processing
    (send,), (process,), (settle,) = recorder.sends(1), recorder.processes(1), recorder.settles(1)
    assert [span.name for span in (send, process, settle)] == [
        f"{verb} {GENERATED}" for verb in ("publish", "process", "ack")
    ]
    for span in (send, process, settle):
        assert (attribute(span, NAME), attribute(span, TEMPLATE)) == (queue, GENERATED)
    assert [attribute(span, mark) for span in (send, process) for mark in MARKS] == [True] * 4
    for metric in (
        "messaging.client.sent.messages",
        "messaging.process.duration",
        "eda.settled.messages",
        "eda.queue.depth",
    ):
        (point,) = recorder.points(metric)
        assert ((point.attributes or {}).get(TEMPLATE), (point.attributes or {}).get(NAME)) == (GENERATED, None)


def test_the_direct_reply_to_is_named_once(connection: BlockingConnection, recorder: Recorder) -> None:
    asks, answers = connection.channel(), connection.channel()
    requests = answers.queue_declare("", exclusive=True).method.queue
    asks.basic_consume(REPLY, lambda channel, *_: channel.stop_consuming(), auto_ack=True)
    asks.basic_publish("", requests, b"1", BasicProperties(reply_to=REPLY))

    def answer(channel: Any, method: Any, properties: Any, _: bytes) -> None:
        channel.basic_publish("", properties.reply_to, b"2", mandatory=True)  # the broker returns it all the same
        channel.stop_consuming()

    answers.basic_consume(requests, answer, auto_ack=True)
    answers.start_consuming()
    asks.start_consuming()
    (_, reply), (_, came) = recorder.sends(2), recorder.processes(2)
    assert (reply.name, came.name) == (f"publish {REPLY}.{{id}}", f"process {REPLY}.{{id}}")
    assert attribute(reply, NAME) == attribute(came, NAME)
    assert not failed(reply)
    assert recorder.count("eda.returned.messages") == 0


def test_a_settlement_of_several_destinations_names_the_queue(
    channel: BlockingChannel, queue: str, recorder: Recorder
) -> None:
    channel.queue_bind(queue, "amq.topic", f"{queue}.#")
    for key in ("a", "b"):
        channel.basic_publish("amq.topic", f"{queue}.{key}", b"1")
    tags = [got(channel, queue) for _ in "ab"]
    channel.basic_ack(tags[-1], multiple=True)
    channel.basic_get(queue)  # ends the last processing
    assert {attribute(span, NAME) for span in recorder.processes(2)} == {
        f"amq.topic:{queue}.{key}:{queue}" for key in "ab"
    }
    (settle,) = recorder.settles(1)
    assert (settle.name, attribute(settle, NAME)) == (f"ack {queue}", queue)
    channel.queue_unbind(queue, "amq.topic", f"{queue}.#")


def test_a_settlement_across_queues_that_the_broker_names_has_their_template(
    channel: BlockingChannel, recorder: Recorder
) -> None:
    tag = 0
    for _ in range(2):
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.basic_publish("", queue, b"1")
        tag = got(channel, queue)
    channel.basic_ack(tag, multiple=True)
    (settle,) = recorder.settles(1)
    assert (settle.name, attribute(settle, TEMPLATE), attribute(settle, NAME)) == (f"ack {GENERATED}", GENERATED, None)


def test_the_depth_of_a_queue_is_the_queue_s_whatever_the_routing_key(
    channel: BlockingChannel, queue: str, recorder: Recorder
) -> None:
    channel.queue_bind(queue, "amq.topic", f"{queue}.#")
    for key in ("a", "b"):
        channel.basic_publish("amq.topic", f"{queue}.{key}", b"1")
    got(channel, queue)
    (point,) = recorder.points("eda.queue.depth")
    assert (point.attributes or {})[NAME] == queue
    assert count(point) == 1
    channel.queue_unbind(queue, "amq.topic", f"{queue}.#")
