"""taskiq 0.12 to 0.x, above aio-pika on RabbitMQ and aiokafka on Kafka: its tasks run in tasks of a receiver."""

from __future__ import annotations

from typing import Any

from otel_eda.core import HandOver, Library, NoteError

RECEIVER = "taskiq.receiver.receiver:Receiver"


def delivered(message: Any) -> Any:
    """Return the client's message, which a broker's acknowledges; a broker without acknowledgements gives the bytes."""
    return getattr(getattr(message, "ack", None), "__self__", message)


def value(record: Any) -> Any:
    """Return the bytes of a record."""
    return record.value


def raised(_: Any, **fields: Any) -> Any:
    """Return the exception that a task has raised, of the fields of its result; None if it only wants no result."""
    error = fields.get("error")
    return None if type(error).__name__ == "NoResultError" else error


def unknown(broker: Any, task_name: str) -> Any:
    """Return the error of a message whose task is not known here, which the receiver logs and acknowledges; or None."""
    known = task_name in broker.local_task_registry or task_name in broker.global_task_registry
    return None if known else LookupError(f"there is no task {task_name!r}")


CALLBACK = ((f"{RECEIVER}.callback", "message"),)

LIBRARY = Library(
    name="taskiq",
    package="taskiq",
    distribution="taskiq",
    supported=((0, 12), (1,)),
    shapes=(
        HandOver("taskiq_aio_pika.broker:AioPikaBroker.listen", CALLBACK, of=delivered),
        HandOver("taskiq_aio_kafka.broker:AioKafkaBroker.listen", CALLBACK, of=delivered, known=value),
        NoteError("taskiq.result:TaskiqResult.__init__", raised),
        NoteError("taskiq.abc.broker:AsyncBroker.find_task", unknown),
    ),
)
