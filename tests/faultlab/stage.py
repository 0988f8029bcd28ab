"""Where a scenario plays: brokers, programs under the launcher, a receiver that keeps what they export."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from brokers import kafka as kafka_
from brokers import rabbitmq as rabbitmq_
from brokers.service import Service, private
from support.programs import PATIENCE, Outcome, Program, Received, Way, exporting, launched, running

from otel_eda.demo.keep import Keep
from otel_eda.demo.receiver import receiver

from . import kafka, rabbitmq, truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

S = TypeVar("S", bound=Service)
TESTS = Path(__file__).parents[1]
ENVIRON = {
    "OTEL_PYTHON_DISTRO": "eda",
    "OTEL_EDA_CAPTURE_KEY": "hash",
    "OTEL_EDA_HASH_KEY": "of the lab",
    "PYTHONPATH": str(TESTS),
}


class LabKafka(kafka_.KafkaServer):
    """A Kafka that cleans up within seconds, not minutes."""

    def _config(self) -> Mapping[str, object]:
        return {**super()._config(), **SOON}


SOON = {"log.retention.check.interval.ms": 500, "log.initial.task.delay.ms": 500, "log.cleaner.backoff.ms": 500}


class Lab:
    """The brokers that scenarios share, each started when the first one needs it; of each only one at a time."""

    def __init__(
        self, folder: Path, kafka: kafka_.Kafka | None = None, rabbitmq: rabbitmq_.RabbitMQ | None = None
    ) -> None:
        self.folder = folder
        self._stack = ExitStack()
        self._lock = Lock()
        self._kafka = kafka
        self._rabbitmq = rabbitmq

    def __enter__(self) -> Lab:  # noqa: PYI034  # nobody inherits from it
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def kafka(self) -> kafka_.Kafka:
        """The shared Kafka."""
        with self._lock:
            self._kafka = self._kafka or kafka_.Kafka(kafka_.external() or self._started(LabKafka).address)
            return self._kafka

    @property
    def rabbitmq(self) -> rabbitmq_.RabbitMQ:
        """The shared RabbitMQ."""
        with self._lock:
            server = rabbitmq_.RabbitMQServer
            self._rabbitmq = self._rabbitmq or rabbitmq_.RabbitMQ(rabbitmq_.external() or self._started(server).address)
            return self._rabbitmq

    def _started(self, kind: type[S]) -> S:
        return self._stack.enter_context(private(kind, self.folder / kind.name))


class Stage:
    """One scenario's: its programs' telemetry and truth end up in its folder."""

    def __init__(self, lab: Lab, folder: Path, endpoint: str, received: Received) -> None:
        self.lab = lab
        self.folder = folder
        self.endpoint = endpoint
        self.received = received
        self.environ = {**ENVIRON, truth.VARIABLE: str(folder / "truth.jsonl")}

    def topic(self, partitions: int = 1, **config: str) -> str:
        """Make a topic on the shared Kafka, which the programs then know."""
        self.environ[kafka.VARIABLE] = self.lab.kafka.address
        return self.lab.kafka.topic(partitions, **config)

    def queue(self, arguments: Mapping[str, Any] | None = None) -> str:
        """Make a queue on the shared RabbitMQ, which the programs then know."""
        self.environ[rabbitmq.VARIABLE] = self.lab.rabbitmq.address
        return self.lab.rabbitmq.queue(arguments)

    def run(
        self, service: str, program: Callable[..., None], *arguments: object, status: int = 0, **environ: str
    ) -> Outcome:
        """Run a program of the scenario as that service to its end, which is to have that status."""
        with self.start(service, program, *arguments, **environ) as running_:
            return finished(running_, status)

    @contextmanager
    def start(
        self, service: str, program: Callable[..., None], *arguments: object, **environ: str
    ) -> Iterator[Program]:
        """Have a program of the scenario run as that service for the length of the block."""
        what = (program.__module__, program.__name__, json.dumps(arguments))
        with self._running(launched(self.endpoint, service), environ, "faultlab.program", *what) as started:
            yield started

    def elsewhere(self, clock: float, service: str, program: Callable[..., None], *arguments: object) -> None:
        """Have a program run to its end as on another machine, whose clock is so many seconds ahead."""
        what = (str(clock), program.__module__, program.__name__, json.dumps(arguments))
        environ = {"OTEL_RESOURCE_ATTRIBUTES": "host.name=there"}
        with self._running(exporting(self.endpoint, service), environ, "faultlab.clock", *what) as started:
            finished(started)

    @contextmanager
    def _running(self, way: Way, environ: Mapping[str, str], *module: str) -> Iterator[Program]:
        way = replace(way, environ={**(way.environ or {}), **self.environ, **environ})
        with running(way, "-m", *module) as started:
            yield started


def finished(program: Program, status: int = 0) -> Outcome:
    """Wait for a program's end, which is to have that status."""
    outcome = program.finish(PATIENCE)
    if outcome.status != status:
        raise AssertionError(f"it ended with {outcome.status}, not {status}:\n{outcome.output}{outcome.errors}")
    return outcome


@contextmanager
def stage(lab: Lab, folder: Path) -> Iterator[Stage]:
    """Have a stage with an empty folder."""
    folder.mkdir(parents=True)
    received = Received()
    with receiver(Keep(folder / "telemetry"), received) as endpoint:
        yield Stage(lab, folder, endpoint, received)
