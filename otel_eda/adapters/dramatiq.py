"""Dramatiq 1.15 to 2.x on RabbitMQ, above pika: its actors run in threads of a worker."""

from __future__ import annotations

from typing import Any

from otel_eda.core import HandOver, Library, NoteError

CONSUMER = "dramatiq.brokers.rabbitmq:_RabbitmqConsumer"
WORKER = "dramatiq.worker:_WorkerThread"


def arguments(message: Any) -> Any:
    """Return the mapping of a message's arguments, which the copy of a delayed message shares with it."""
    return message.kwargs


def raised(_: Any, exception: Any) -> Any:
    """Return the exception that an actor has raised, and that its message is told."""
    return exception


LIBRARY = Library(
    name="dramatiq",
    package="dramatiq",
    distribution="dramatiq",
    supported=((1, 15), (3,)),
    shapes=(
        HandOver(
            f"{CONSUMER}.__next__",
            # A message whose time has not come is sent once more when it has, by the thread that pulled it.
            ((f"{WORKER}.process_message", "message"), ("dramatiq.brokers.rabbitmq:RabbitmqBroker.enqueue", "message")),
            of=arguments,
            known=arguments,
        ),
        NoteError("dramatiq.broker:MessageProxy.stuff_exception", raised),
    ),
)
