"""What programs ask of the official instrumentations, ours does: providers, hooks, single clients."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.recorder import Recorder, recording

from otel_eda import suite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokers.kafka import Kafka
    from brokers.rabbitmq import RabbitMQ

sys.path.append(str(Path(__file__).parent / "programs"))
clients: Any = importlib.import_module("clients")
called: list[Any] = []
pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated. Use files:DeprecationWarning")  # of kafka-python


@pytest.fixture(autouse=True)
def official() -> None:
    """The official instrumentations, which `tox -e coexist` installs."""
    called.clear()
    try:
        importlib.import_module("opentelemetry.instrumentation.confluent_kafka")
    except ImportError:
        if os.environ.get("TOX_ENV_NAME") == "coexist":
            raise
        pytest.skip("the official instrumentations are not installed: run `tox -e coexist`")


@pytest.fixture
def given() -> Iterator[Recorder]:
    """Where the provider leads that an official instrumentor is given."""
    made = Recorder()
    yield made
    made.shutdown()


def instrumentor(library: str) -> Any:
    found = suite.LIBRARIES[library].official
    assert found is not None
    module, _, name = found.instrumentor.partition(":")
    return getattr(importlib.import_module(module), name)


def operations(recorder: Recorder) -> list[str]:
    """Give what there are spans of, all of ours."""
    assert all((span.instrumentation_scope or span).name.startswith("otel_eda") for span in recorder.journal.ended())
    return sorted({str((span.attributes or {})["messaging.operation.type"]) for span in recorder.journal.ended()})


def hook(span: Any, *about: Any) -> None:
    """Note what a hook is called with."""
    span.set_attribute("app", len(called))
    called.append(about)


def test_kafka_python(kafka: Kafka, topic: str, given: Recorder) -> None:
    with recording() as recorder:
        official = instrumentor("kafka_python")()
        official.instrument(tracer_provider=given.tracer_provider, produce_hook=hook, consume_hook=hook)
        assert clients.kafka_python(kafka.address, topic) == b"hello"
        official.uninstrument()
        assert (operations(given), recorder.ours()) == (["process", "send"], [])
    (produced, consumed) = called
    assert produced == ((topic, b"hello"), {})
    assert (consumed[0].value, consumed[1:]) == (b"hello", ((), {}))


def test_aiokafka(kafka: Kafka, topic: str, given: Recorder) -> None:
    async def produce(*about: Any) -> None:
        await asyncio.sleep(0)
        called.append(about[1:])

    async def consume(*about: Any) -> None:
        called.append(about[1:])

    with recording() as recorder:
        official = instrumentor("aiokafka")()
        official.instrument(
            tracer_provider=given.tracer_provider, async_produce_hook=produce, async_consume_hook=consume
        )
        assert clients.aiokafka(kafka.address, topic) == b"hello"
        official.uninstrument()
        assert (operations(given), recorder.ours()) == (["process", "send"], [])
    (produced, consumed) = called
    assert produced[0][:2] == (topic, b"hello")
    assert consumed[0].value == b"hello"


@pytest.mark.parametrize("library", ["confluent_kafka", "aio_pika"])
def test_a_library_whose_instrumentor_has_no_hooks(
    library: str, request: pytest.FixtureRequest, given: Recorder
) -> None:
    broker = request.getfixturevalue("kafka" if library == "confluent_kafka" else "rabbitmq")
    destination = broker.topic() if library == "confluent_kafka" else broker.queue()
    with recording() as recorder:
        official = instrumentor(library)()
        official.instrument(tracer_provider=given.tracer_provider)
        assert getattr(clients, library)(broker.address, destination) == b"hello"
        official.uninstrument()
        assert (operations(given), recorder.ours()) == (["process", "send"], [])


def test_single_clients_of_confluent_kafka(kafka: Kafka, topic: str, given: Recorder) -> None:
    from confluent_kafka import Consumer, Producer

    official = instrumentor("confluent_kafka")
    settings = {"bootstrap.servers": kafka.address, "group.id": topic, "auto.offset.reset": "earliest"}
    with recording() as recorder:
        producer, consumer = Producer({"bootstrap.servers": kafka.address}), Consumer(settings)
        assert official.instrument_producer(producer, given.tracer_provider) is producer
        assert official().instrument_consumer(consumer, tracer_provider=given.tracer_provider) is consumer
        consumer.subscribe([topic])
        producer.produce(topic, b"hello")
        producer.flush(30)
        assert consumer.poll(30).value() == b"hello"
        consumer.close()
        assert (operations(given), recorder.ours()) == (["process", "send"], [])


def test_clients_of_confluent_kafka_that_were_wrapped_before(kafka: Kafka, topic: str) -> None:
    from confluent_kafka import Producer

    wrapped = instrumentor("confluent_kafka").instrument_producer(Producer({"bootstrap.servers": kafka.address}))
    with recording() as recorder:
        wrapped.produce(topic, b"hello")
        wrapped.flush(30)
        recorder.sends(1)
        assert operations(recorder) == ["send"]


@pytest.mark.parametrize("single", [True, False], ids=["a channel", "the library"])
def test_pika(rabbitmq: RabbitMQ, given: Recorder, single: bool) -> None:
    import pika

    settings = {"tracer_provider": given.tracer_provider, "publish_hook": hook, "consume_hook": hook}
    official, queue = instrumentor("pika"), rabbitmq.queue()
    with recording() as recorder:
        if not single:
            official().instrument(**settings)
        connection = pika.BlockingConnection(pika.URLParameters(f"amqp://guest:guest@{rabbitmq.address}/"))
        channel = connection.channel()
        if single:
            assert official.instrument_channel(channel, **settings) is None
        channel.basic_consume(queue, lambda channel, *_: channel.stop_consuming(), auto_ack=True)
        channel.basic_publish("", queue, b"hello", pika.BasicProperties(message_id="m1"))
        channel.start_consuming()
        connection.close()
        if not single:
            official().uninstrument()
        assert (operations(given), recorder.ours()) == (["process", "send"], [])
    assert [(body, properties.message_id) for body, properties in called] == [(b"hello", "m1")] * 2
