"""What the lab does for one stranger: it runs the programs, waits by their diary, and asks the broker in the end."""

from __future__ import annotations

import json
import os
import signal
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, TopicPartition
from support.waiting import until

from . import diary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from support.programs import Program

    from faultlab.stage import Stage

PATIENCE = 60.0  # seconds
LOGS = "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED"
NO_MORE: Mapping[str, str] = MappingProxyType({})
KILLED, ENDED = -signal.SIGKILL, 0


class Books:
    """The stage of one stranger, with its diary."""

    def __init__(self, stage: Stage, file: Path) -> None:
        self.stage = stage
        self.file = file
        file.parent.mkdir(exist_ok=True)
        self._environ = {diary.VARIABLE: str(file), LOGS: "true"}

    def topic(self, partitions: int = 1, **config: str) -> str:
        """Make a topic."""
        return self.stage.topic(partitions, **config)

    def queue(self, **arguments: Any) -> str:
        """Make a queue; `arguments` are the `x-…` ones, with underscores."""
        return self.stage.queue({f"x-{name.replace('_', '-')}": value for name, value in arguments.items()})

    def run(
        self,
        service: str,
        program: Callable[..., None],
        *arguments: object,
        status: int = ENDED,
        environ: Mapping[str, str] = NO_MORE,
    ) -> None:
        """Run a program to its end."""
        self.stage.run(service, program, *arguments, status=status, **self._environ, **environ)
        if status:
            self.note("killed", who=service)

    def elsewhere(self, clock: float, service: str, program: Callable[..., None], *arguments: object) -> None:
        """Run a program to its end on another machine, whose clock is so many seconds ahead."""
        self.stage.elsewhere(clock, service, program, *arguments, **self._environ)

    @contextmanager
    def running(
        self, service: str, program: Callable[..., None], *arguments: object, environ: Mapping[str, str] = NO_MORE
    ) -> Iterator[Program]:
        """Have a program run for the length of the block."""
        with self.stage.start(service, program, *arguments, **self._environ, **environ) as started:
            yield started

    @contextmanager
    def serving(
        self, service: str, program: Callable[..., None], *arguments: object, replicas: int = 1
    ) -> Iterator[None]:
        """Have a service run for the length of the block, and then tell it to end in good order."""
        with ExitStack() as stack:
            started = [stack.enter_context(self.running(service, program, *arguments)) for _ in range(replicas)]
            yield
            for one in started:
                self.stop(one)

    def stop(self, program: Program) -> None:
        """Tell a program to end in good order, and wait until it has."""
        program.signal(signal.SIGTERM)
        self.stage.finish(program)

    def kill(self, service: str, program: Program) -> None:
        """End a program as the kernel does that is short of memory."""
        program.signal(signal.SIGKILL)
        self.stage.finish(program, KILLED)
        self.note("killed", who=service)

    def note(self, what: str, **more: Any) -> None:
        """Write into the diary what the lab knows."""
        line = {"what": what, "event": None, "at": {}, **more}
        with open(self.file, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def count(self, what: str, service: str | None = None) -> int:
        """Count the lines of the diary that say so."""
        every = diary.read(self.file)
        return sum(line["what"] == what and service in {None, line["who"]} for line in every)

    def wait(self, what: str, number: int, service: str | None = None) -> None:
        """Wait until the diary says something so often."""
        until(lambda: self.count(what, service) >= number, f"{number} times {what!r} of {service}", PATIENCE)

    def close_topic(self, topic: str, *groups: str) -> None:
        """Note what is in a topic, and how far these groups have come."""
        for message in self._stored(topic):
            key = (message.key() or b"").decode()
            event = json.loads(message.value())["id"] if message.value() else key  # a tombstone has a key only
            self.note("stored", event=event, at=diary.where(message), key=key)
        for group in groups:
            for partition, offset in self._committed(topic, group).items():
                self.note("committed", group=group, at={"destination": topic, "partition": partition, "offset": offset})

    def _stored(self, topic: str) -> Iterator[Any]:
        with _consumer(self.stage.kafka, "of-the-lab") as reader:
            partitions = reader.list_topics(topic).topics[topic].partitions
            reader.assign([TopicPartition(topic, number, 0) for number in partitions])
            ends = 0
            while ends < len(partitions):
                message = reader.poll(PATIENCE)
                assert message is not None, f"no end of {topic}"
                ends += message.error() is not None
                if message.error() is None:
                    yield message

    def _committed(self, topic: str, group: str) -> Mapping[str, int]:
        with _consumer(self.stage.kafka, group) as reader:
            every = [TopicPartition(topic, number) for number in reader.list_topics(topic).topics[topic].partitions]
            return {str(one.partition): one.offset for one in reader.committed(every, PATIENCE)}

    def close_queue(self, queue: str) -> None:
        """Note how many messages are left in a queue."""
        self.note("left", queue=queue, number=self.stage.lab.rabbitmq.depth(queue))


@contextmanager
def _consumer(address: str, group: str) -> Iterator[Any]:
    reader = Consumer({"bootstrap.servers": address, "group.id": group, "enable.partition.eof": True})
    try:
        yield reader
    finally:
        reader.close()


def kafka() -> str:
    """Give the address of Kafka, in a program."""
    return os.environ["FAULTLAB_KAFKA"]


def rabbitmq() -> tuple[str, int]:
    """Give host and port of RabbitMQ, in a program."""
    host, _, port = os.environ["FAULTLAB_RABBITMQ"].rpartition(":")
    return host, int(port)
