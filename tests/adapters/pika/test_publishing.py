"""A publish by a blocking channel: what is confirmed, what comes back, and what the application passed."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind, format_span_id
from pika import BasicProperties
from pika.exceptions import (
    NackError,
    UnroutableError,
)
from support.spans import attribute, failed, ids, links, parent, told
from support.waiting import until

from .conftest import KEY

if TYPE_CHECKING:
    from brokers.rabbitmq import RabbitMQ
    from pika import BlockingConnection
    from pika.adapters.blocking_connection import BlockingChannel
    from support.recorder import Recorder

RETURNS = "eda.returned.messages"


@pytest.mark.parametrize("confirmed", [True, False], ids=["confirmed", "not confirmed"])
def test_a_publish_is_one_span(channel: BlockingChannel, queue: str, recorder: Recorder, confirmed: bool) -> None:
    if confirmed:
        channel.confirm_delivery()
    assert channel.basic_publish("", queue, b"1") is None
    [span] = recorder.ours()
    assert (span.kind, span.name) == (SpanKind.PRODUCER, f"publish {queue}")
    assert attribute(span, KEY) == queue
    assert attribute(span, "messaging.client.id") == "client-7"
    recorder.counted("messaging.client.sent.messages", 1, queue)


@pytest.mark.parametrize(
    ("exchange", "key", "name"),
    [("amq.topic", "a.b", "amq.topic:a.b"), ("amq.fanout", "", "amq.fanout"), ("", "nobody", "nobody"),
     ("", "", "amq.default"), (b"amq.topic", b"a", "amq.topic:a")],
)  # fmt: skip
def test_a_destination_is_exchange_and_routing_key(
    channel: BlockingChannel, recorder: Recorder, exchange: Any, key: Any, name: str
) -> None:
    channel.basic_publish(exchange, key, b"")
    [span] = recorder.sends(1)
    assert attribute(span, "messaging.destination.name") == name
    assert attribute(span, KEY) == ((key.decode() if isinstance(key, bytes) else key) or None)


def test_an_unroutable_message_is_a_failure(channel: BlockingChannel, recorder: Recorder) -> None:
    channel.confirm_delivery()
    with pytest.raises(UnroutableError) as caught:
        channel.basic_publish("", "nowhere", b"1", mandatory=True)
    assert caught.value.messages[0].body == b"1"
    [span] = recorder.ours()
    assert (failed(span), attribute(span, "error.type")) == (True, "pika.exceptions.UnroutableError")
    recorder.counted(RETURNS, 1, "nowhere")


def test_a_publish_names_the_returned_one_that_it_repeats(channel: BlockingChannel, recorder: Recorder) -> None:
    channel.confirm_delivery()
    for body in (b"1", b"1", b"2"):
        with pytest.raises(UnroutableError):
            channel.basic_publish("", "nowhere", body, BasicProperties(headers={"a": [1]}), mandatory=True)
    spans = recorder.sends(3)
    assert [attribute(span, "eda.send.repeats") for span in spans] == [None, format_span_id(ids(spans[0])[1]), None]
    assert [attribute(span, "eda.send.refused") for span in spans] == [None] * 3


def test_a_refused_message_is_a_failure(
    rabbitmq: RabbitMQ, connection: BlockingConnection, channel: BlockingChannel, recorder: Recorder
) -> None:
    queue = rabbitmq.queue({"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"1")
    with pytest.raises(NackError):
        channel.basic_publish("", queue, b"2")
    good, bad = recorder.sends(2)
    assert (failed(good), failed(bad)) == (False, True)
    assert attribute(bad, "error.type") == "pika.exceptions.NackError"


def test_what_comes_back_unconfirmed_has_a_span_below_the_publish(
    connection: BlockingConnection, channel: BlockingChannel, recorder: Recorder
) -> None:
    seen: list[Any] = []
    channel.add_on_return_callback(lambda *parts: seen.append(parts))
    channel.basic_publish("", "nowhere", b"1", mandatory=True)
    [publish] = recorder.sends(1)
    assert not failed(publish)  # at its end that was not known
    until(lambda: connection.process_data_events(0.1) or seen, "a returned message")
    publish, back = recorder.sends(2)
    assert (back.kind, back.name) == (SpanKind.CLIENT, "return nowhere")
    assert (parent(back), links(back)) == (ids(publish), [ids(publish)])
    assert (attribute(back, "error.type"), back.status.description) == ("eda.returned", "312 NO_ROUTE")
    [(given, method, _, body)] = seen
    assert (given, method.reply_code, body) == (channel, 312, b"1")
    recorder.counted(RETURNS, 1, "nowhere")
    recorder.counted("messaging.client.sent.messages", 1, "nowhere")


def test_properties_stay_the_applications(channel: BlockingChannel, queue: str, recorder: Recorder) -> None:
    properties = BasicProperties(
        headers={"a": 1}, content_type="text/plain", message_id="m-1", correlation_id="c-1", delivery_mode=2, priority=3
    )
    before = copy.deepcopy(properties)
    for _ in range(3):
        channel.basic_publish("", queue, b"1", properties)
    assert properties == before
    sent = recorder.sends(3)
    assert {attribute(span, "messaging.message.id") for span in sent} == {"m-1"}
    assert {attribute(span, "messaging.message.conversation_id") for span in sent} == {"c-1"}
    for span in sent:
        _, found, _ = channel.basic_get(queue, auto_ack=True)
        assert told(found.headers.pop("traceparent").encode()) == ids(span)
        assert found == before
    channel.close()


@pytest.mark.parametrize("properties", [None, BasicProperties(), BasicProperties(headers={})], ids=repr)
def test_properties_without_headers_get_some(
    channel: BlockingChannel, queue: str, recorder: Recorder, properties: BasicProperties | None
) -> None:
    channel.basic_publish("", queue, b"1", properties)
    _, found, _ = channel.basic_get(queue, auto_ack=True)
    channel.close()
    assert told(found.headers["traceparent"].encode()) == ids(recorder.sends(1)[0])
    assert properties is None or not properties.headers
