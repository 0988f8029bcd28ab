"""A pre-forking Celery worker sends labels to Kafka and looks at no answer: large ones are refused; or it cuts them up.

Each child makes its producer when it needs it, and is replaced after some tasks.

Shown by: the send spans of what the broker refused have its error, in the process of the child (EDA101).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka, rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "kafka-python")
GROUP, COUNT, LARGE, LIMIT, PART = "label-printer", 40, {4, 13, 22, 31}, 20_000, 8_000


def play(books: Books, library: str, faulty: bool) -> None:
    tasks = f"labels-{books.file.stem.replace('.', '-')}"
    books.queue()  # so that the broker is there; Celery declares its own
    topic = books.topic(2, **{"max.message.bytes": str(LIMIT)})
    with books.running("label-worker", worker, library, tasks, topic, faulty) as one:
        books.run("depot", depot, tasks)
        books.wait("through", COUNT)
        books.stop(one)
    books.run("label-printer", printer, library, topic)
    books.close_topic(topic, GROUP)
    # A child of Celery's ends without the interpreter's exit, so the last spans of some are lost.
    for service in ("label-worker", "label-printer"):
        books.note("may", code="EDA703", where={"service": service})
    if faulty:
        # An idempotent producer may refuse what comes after them, too.
        assert books.count("refused") >= len(LARGE)


class Sender:
    """The producer of one process, made at its first message."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.producer: Any = None

    def by_confluent(self, name: str, body: bytes) -> None:
        from confluent_kafka import Producer

        def told(error: Any, message: Any) -> None:
            if error is not None:
                note("refused", name, to=self.topic)  # the diary knows, the team does not

        self.producer = self.producer or Producer({"bootstrap.servers": kafka(), "linger.ms": 5})
        self.producer.produce(self.topic, body, key=name, on_delivery=told)
        self.producer.flush(30)

    def by_kafka_python(self, name: str, body: bytes) -> None:
        from kafka import KafkaProducer

        self.producer = self.producer or KafkaProducer(bootstrap_servers=kafka(), acks="all")
        future = self.producer.send(self.topic, body, key=name.encode())
        future.add_errback(lambda _: note("refused", name, to=self.topic))
        self.producer.flush()


def parts(label: int, whole: bool) -> Iterator[tuple[str, bytes]]:
    picture = "x" * (30_000 if label in LARGE else 500)
    step = len(picture) if whole or label not in LARGE else PART
    for number, at in enumerate(range(0, len(picture), step)):
        name = f"label-{label}" if step == len(picture) else f"label-{label}-{number}"
        yield name, json.dumps({"id": name, "picture": picture[at : at + step]}).encode()


def made(tasks: str, topic: str, send: Callable[[str, bytes], None], whole: bool) -> tuple[Any, Any]:
    """Give the app, and its task."""
    from celery import Celery

    host, port = rabbitmq()
    app = Celery("labels", broker=f"amqp://guest:guest@{host}:{port}//")
    app.conf.update(task_default_queue=tasks, task_ignore_result=True)

    def render(label: int) -> None:
        for name, body in parts(label, whole):
            note("sent", name, to=topic)
            send(name, body)
        note("through", f"label-{label}")

    return app, app.task(name="labels.render")(render)


def depot(tasks: str) -> None:
    app, render = made(tasks, "", lambda _, __: None, True)
    for label in range(COUNT):
        render.delay(label)
    app.close()


def worker(library: str, tasks: str, topic: str, faulty: bool) -> None:
    sender = Sender(topic)
    send = sender.by_confluent if library == "confluent-kafka" else sender.by_kafka_python
    app, _ = made(tasks, topic, send, faulty)
    app.worker_main(["worker", "-P", "prefork", "-c", "2", "--max-tasks-per-child", "8", "-l", "INFO"])


def printer(library: str, topic: str) -> None:
    def on_label(label: dict[str, Any], message: Any) -> None:
        note("began", label["id"], message, group=GROUP)
        note("done", label["id"], message, group=GROUP)

    work(library, topic, GROUP, on_label)
