"""kafka-python 2.0.2 to 3.x."""

from __future__ import annotations

from typing import Any

from otel_eda.core import (
    AutoCommit,
    Close,
    Configure,
    Identity,
    Iterate,
    Library,
    Message,
    Position,
    PullOne,
    Receive,
    Remember,
    Send,
    Settle,
)

from ._kafka import batches, outgoing, positions, put, read, report, server, standing, unconfirmed

PRODUCER = "kafka.producer.kafka:KafkaProducer"
CONSUMER = "kafka.consumer.group:KafkaConsumer"
COORDINATOR = "kafka.coordinator.consumer:ConsumerCoordinator"
SUBSCRIPTION = "kafka.consumer.subscription_state:SubscriptionState"


def identify(client: Any) -> Identity:
    """Read a client's configuration."""
    config = client.config
    return Identity(config.get("client_id"), config.get("group_id"), *server(config.get("bootstrap_servers")))


def receipt(producer: Any) -> Any:
    """Give what reads the broker's answers to a producer."""
    return unconfirmed if producer.config["acks"] == 0 else read


def sent(producer: Any, topic: Any, value: Any, headers: Any, partition: Any) -> Message | None:
    """Read what is to be sent."""
    return outgoing(topic, value, headers, partition, producer.config.get("value_serializer"))


def offsets(consumer: Any, given: Any) -> dict[tuple[str, str], int]:
    """Read what a commit commits: the offsets given, else all that were consumed."""
    return positions(consumer._subscription.all_consumed_offsets() if given is None else given)


def where(consumer: Any) -> list[Position]:
    """Tell how far a consumer is; a producer is nowhere."""
    subscription = getattr(consumer, "_subscription", None)
    return standing(subscription.assignment) if subscription else []


LIBRARY = Library(
    name="kafka_python",
    system="kafka",
    package="kafka",
    distribution="kafka-python",
    supported=((2, 0, 2), (4,)),
    official="opentelemetry.instrumentation.kafka:KafkaInstrumentor",
    message=read,
    identify=identify,
    positions=where,
    shapes=(
        Configure(f"{PRODUCER}.__init__"),
        Configure(f"{CONSUMER}.__init__"),
        Send(
            f"{PRODUCER}.send",
            ("topic", "value", "headers", "partition"),
            sent,
            put,
            report,
            receipt,
        ),
        Receive(f"{CONSUMER}.poll", batches),
        Iterate(f"{CONSUMER}.__iter__"),
        PullOne(f"{CONSUMER}.__next__", timed=False),
        Settle(f"{CONSUMER}.commit", ("offsets",), offsets),
        Settle(f"{CONSUMER}.commit_async", ("offsets",), offsets, report),
        AutoCommit(
            f"{COORDINATOR}._commit_offsets_async_on_complete",
            ("offsets", "res_or_exc|exception"),
            positions,
            "_coordinator",
        ),
        AutoCommit(
            f"{COORDINATOR}._commit_offsets_sync_async|commit_offsets_sync", ("offsets",), positions, "_coordinator"
        ),
        Remember(f"{SUBSCRIPTION}.seek", ("partition", "offset"), "_subscription"),
        Remember(f"{SUBSCRIPTION}.assign_from_user", ("partitions",), "_subscription"),
        Remember(f"{SUBSCRIPTION}.assign_from_subscribed", ("assignments",), "_subscription"),
        Close(f"{PRODUCER}.close"),
        Close(f"{CONSUMER}.close"),
    ),
)
