"""The same headers through real brokers and sockets: what arrives is what would have arrived without us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pika
import pytest
import zmq
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from kafka import KafkaConsumer, KafkaProducer
from support import recorder as recorder_
from support.recorder import recording

from robustness import hostile
from robustness.test_headers import encodable

if TYPE_CHECKING:
    from brokers.kafka import Kafka
    from brokers.rabbitmq import RabbitMQ

# To make an example smaller takes a broker too long.
FEW = settings(max_examples=4, database=None, phases=[Phase.generate])
HEADERS = st.lists(st.tuples(hostile.NAMES, hostile.OCTETS), max_size=8)  # this client sends no null values
MANY = 40  # messages in an example


def unmarked(headers: Any) -> Any:
    """Leave out what a send adds."""
    if isinstance(headers, dict):
        return {name: value for name, value in headers.items() if name != "traceparent"}
    return [pair for pair in headers or () if pair[0] != "traceparent"]


def test_kafka(kafka: Kafka) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka.address, linger_ms=5)

    @FEW
    @given(st.lists(HEADERS, min_size=MANY, max_size=MANY))
    def check(every: list[list[tuple[str, bytes]]]) -> None:
        topic = kafka.topic()
        with recording() as recorder:
            for future in [producer.send(topic, b"1", headers=headers) for headers in every]:
                future.get(30)
            consumer = KafkaConsumer(
                topic, bootstrap_servers=kafka.address, auto_offset_reset="earliest", consumer_timeout_ms=30_000
            )
            received = []
            for record in consumer:
                received.append(record.headers)
                if len(received) == MANY:
                    break
            consumer.close()
            recorder.sends(MANY)
            recorder.processes(MANY)
        assert list(map(unmarked, received)) == list(map(unmarked, every))

    check()
    producer.close()


def test_rabbitmq(rabbitmq: RabbitMQ) -> None:
    host, _, port = rabbitmq.address.rpartition(":")
    connection = pika.BlockingConnection(pika.ConnectionParameters(host, int(port)))
    channel = connection.channel()

    def passed_on(every: list[Any]) -> list[Any]:
        queue = rabbitmq.queue()
        for headers in every:
            channel.basic_publish("", queue, b"1", pika.BasicProperties(headers=headers))
        received = []
        for _, properties, _ in channel.consume(queue, auto_ack=True):
            received.append(unmarked(properties.headers or {}))
            if len(received) == len(every):
                break
        channel.cancel()
        return received

    @FEW
    @given(st.lists((st.none() | hostile.TABLES).filter(encodable), min_size=MANY, max_size=MANY))
    def check(every: list[Any]) -> None:
        bare = passed_on(every)
        with recording() as recorder:
            assert repr(passed_on(every)) == repr(bare)  # NaN is not itself
            recorder.sends(MANY)
            recorder.processes(MANY)

    check()
    connection.close()


@FEW
@given(st.lists(st.tuples(st.binary(max_size=3), hostile.trailers()), min_size=MANY, max_size=MANY))
def test_zeromq(every: list[tuple[bytes, bytes]]) -> None:
    with (
        zmq.Context() as context,
        context.socket(zmq.PAIR) as far,
        context.socket(zmq.PAIR) as near,
        pytest.MonkeyPatch.context() as patch,
    ):
        far.bind("inproc://hostile")
        near.connect("inproc://hostile")
        for parts in every:
            near.send_multipart(parts)
        patch.setattr(recorder_, "SETTINGS", {"OTEL_EDA_ZMQ_PROPAGATE": "1"})
        with recording() as recorder:
            for parts in every:
                assert far.recv_multipart() in ([*parts], [parts[0]])
            for parts in every:
                near.send_multipart(parts)
                assert far.recv_multipart() == [*parts]
            recorder.sends(MANY)
            far.close()
            recorder.processes(2 * MANY)
