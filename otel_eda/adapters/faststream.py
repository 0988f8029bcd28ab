"""FastStream 0.7 to 0.x, above aiokafka, confluent-kafka and aio-pika: it catches what handlers raise."""

from __future__ import annotations

import sys
from typing import Any

from otel_eda.core import Handle, HandOver, Library, NameHandler, NoteError, Outcome

ENDPOINT = "faststream._internal.endpoint.subscriber"
SUBSCRIBER = f"{ENDPOINT}.usecase:SubscriberUsecase"
KAFKA = "faststream.kafka"
CONFLUENT = "faststream.confluent"

EXCEPTIONS = "faststream.exceptions"
# By these a handler says that it is done with the message. What RabbitMQ is told to refuse fails where it is told.
DONE = frozenset({f"{EXCEPTIONS}.{name}" for name in ("AckMessage", "SkipMessage", "RejectMessage", "StopConsume")})


def stopping(subscriber: Any, *_: Any, **__: Any) -> bool:
    """Return whether a subscriber drops what it is called with, since it is to end."""
    return not subscriber.running


def put_back(message: Any) -> BaseException | None:
    """Return why a message of Kafka is to come again: the exception that is being handled, or somebody's wish."""
    if message.committed or not getattr(message, "is_manual", True):
        return None
    error = sys.exc_info()[1]
    return error if isinstance(error, Exception) else Outcome("Nack", "the handler has put the message back")


def function(item: Any) -> Any:
    """Return the application's function of a handler."""
    return item.handler._original_call


CONSUME = ((f"{SUBSCRIBER}.consume", "msg"),)

LIBRARY = Library(
    name="faststream",
    package="faststream",
    distribution="faststream",
    supported=((0, 7), (1,)),
    shapes=(
        HandOver(f"{KAFKA}.subscriber.usecase:DefaultSubscriber.get_msg", CONSUME, declined=stopping),
        HandOver(f"{KAFKA}.subscriber.usecase:ConcurrentBetweenPartitionsSubscriber.get_msg", ()),
        HandOver(f"{KAFKA}.subscriber.usecase:BatchSubscriber.get_msg", ()),
        HandOver(f"{CONFLUENT}.subscriber.usecase:DefaultSubscriber.get_msg", ()),
        HandOver(f"{CONFLUENT}.helpers.client:AsyncConfluentConsumer.getmany", ()),
        Handle(f"{SUBSCRIBER}.process_message", verdicts=DONE),
        NameHandler(f"{ENDPOINT}.call_item:HandlerItem.call", function),
        NoteError(f"{KAFKA}.message:KafkaAckableMessage.nack", put_back),
        NoteError(f"{CONFLUENT}.message:KafkaMessage.nack", put_back),
    ),
)
