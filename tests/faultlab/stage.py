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
from brokers.service import HOST, Service, private
from support.programs import PATIENCE, Outcome, Program, Way, exporting, launched, running

from otel_eda.demo.file_exporter import FileExporter
from otel_eda.demo.receiver import receiver
from otel_eda.otlp import Refusal

from . import kafka, rabbitmq, truth
from .proxy import proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from otel_eda.otlp import Export

    from .proxy import Proxy

S = TypeVar("S", bound=Service)
TESTS = Path(__file__).parents[1]
ENVIRON = {
    "OTEL_PYTHON_DISTRO": "eda",
    "OTEL_LOGS_EXPORTER": "otlp_proto_http",
    "OTEL_EDA_CAPTURE_KEY": "hash",
    "OTEL_EDA_HASH_KEY": "of the lab",
    "PYTHONPATH": str(TESTS),
}


class LabKafka(kafka_.KafkaServer):
    """A Kafka that cleans up within seconds, not minutes, and has a second door for those who come by a proxy."""

    listeners = 4

    def _config(self) -> Mapping[str, object]:
        made = super()._config()
        direct, _, behind, before = self.ports
        return {
            **made,
            **SOON,
            "listeners": f"{made['listeners']},PROXIED://{HOST}:{behind}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{direct},PROXIED://{HOST}:{before}",
            "listener.security.protocol.map": f"{made['listener.security.protocol.map']},PROXIED:PLAINTEXT",
        }


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
            self._kafka = self._kafka or kafka_.external() or kafka_.Kafka(self._started(LabKafka).address)
            return self._kafka

    @property
    def rabbitmq(self) -> rabbitmq_.RabbitMQ:
        """The shared RabbitMQ."""
        with self._lock:
            server = rabbitmq_.RabbitMQServer
            self._rabbitmq = self._rabbitmq or rabbitmq_.external() or rabbitmq_.RabbitMQ(self._started(server).address)
            return self._rabbitmq

    def _started(self, kind: type[S]) -> S:
        return self._stack.enter_context(private(kind, self.folder / kind.name))


class Outage:
    """A sink that refuses everything as long as it is on."""

    def __init__(self) -> None:
        self.on = False

    def __call__(self, _: Export) -> None:
        if self.on:
            raise Refusal(400, "an outage")


class Stage:
    """One scenario's: its programs' telemetry and truth end up in its folder."""

    def __init__(self, lab: Lab, folder: Path, endpoint: str, outage: Outage) -> None:
        self.lab = lab
        self.folder = folder
        self.endpoint = endpoint
        self._outage = outage
        self.environ = {**ENVIRON, truth.VARIABLE: str(folder / "truth.jsonl")}

    @property
    def kafka(self) -> str:
        """The address of the shared Kafka."""
        return self.lab.kafka.address

    @contextmanager
    def proxied(self) -> Iterator[Proxy]:
        """Have a Kafka of the scenario's own behind a proxy, by which the programs reach it."""
        with private(LabKafka, self.folder / "kafka") as server, proxy(server.ports[3], server.ports[2]) as made:
            self.environ[kafka.VARIABLE] = f"{HOST}:{server.ports[3]}"
            yield made

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Have nobody take telemetry for the length of the block."""
        self._outage.on = True
        yield
        self._outage.on = False

    def topic(self, partitions: int = 1, **config: str) -> str:
        """Make a topic on the shared Kafka, which the programs then know."""
        self.environ[kafka.VARIABLE] = self.kafka
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
            return self.finish(running_, status)

    @staticmethod
    def finish(program: Program, status: int = 0) -> Outcome:
        """Wait for a program's end, which is to have that status."""
        outcome = program.finish(PATIENCE)
        if outcome.status != status:
            raise AssertionError(f"it ended with {outcome.status}, not {status}:\n{outcome.output}{outcome.errors}")
        return outcome

    @contextmanager
    def start(
        self, service: str, program: Callable[..., None], *arguments: object, **environ: str
    ) -> Iterator[Program]:
        """Have a program of the scenario run as that service for the length of the block."""
        what = (program.__module__, program.__name__, json.dumps(arguments))
        with self._running(launched(self.endpoint, service), environ, "faultlab.program", *what) as started:
            yield started

    def elsewhere(
        self, clock: float, service: str, program: Callable[..., None], *arguments: object, **environ: str
    ) -> None:
        """Have a program run to its end as on another machine, whose clock is so many seconds ahead."""
        what = (str(clock), program.__module__, program.__name__, json.dumps(arguments))
        environ = {"OTEL_RESOURCE_ATTRIBUTES": "host.name=there", **environ}
        with self._running(exporting(self.endpoint, service), environ, "faultlab.clock", *what) as started:
            self.finish(started)

    @contextmanager
    def _running(self, way: Way, environ: Mapping[str, str], *module: str) -> Iterator[Program]:
        way = replace(way, environ={**(way.environ or {}), **self.environ, **environ})
        with running(way, "-m", *module) as started:
            yield started


@contextmanager
def stage(lab: Lab, folder: Path) -> Iterator[Stage]:
    """Have a stage with an empty folder."""
    folder.mkdir(parents=True)
    outage = Outage()
    with receiver(outage, FileExporter(folder / "telemetry")) as endpoint:
        yield Stage(lab, folder, endpoint, outage)
