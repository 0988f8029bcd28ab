"""The demo, as `docker compose` runs it, through the real collector, Jaeger and Prometheus: nothing is left empty."""

from __future__ import annotations

import json
import re
import shlex
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from docs.pages import ROOT
from support.programs import PATIENCE, Way, launched, run, running
from support.waiting import until

from stack.compose import SERVICES
from stack.test_rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from brokers.collector import CollectorServer
    from brokers.jaeger import Jaeger
    from brokers.kafka import Kafka
    from brokers.prometheus import Prometheus
    from brokers.rabbitmq import RabbitMQ
    from support.programs import Program

    Faulty = Callable[[], AbstractContextManager[Program]]

DASHBOARDS = sorted((ROOT / "stack" / "grafana" / "dashboards").glob("*.json"))
FAULTY = Path(__file__).parent / "programs" / "faulty.py"
DEMO = ("payments", "shipping", "shop")
HASTE = ("--orders", "60", "--pause", "0.05")  # a day of three seconds
ANY = {"$__rate_interval": "1m", "$service": ".*", "$group": ".*", "$destination": ".*", "$event": ".*"}
METRIC = re.compile(r"\b(?:(?:eda|messaging|otelcol|otel_sdk|process)_\w+|eda:[\w:]+|target_info|scrape_\w+)")
# Nothing of ours is to fail here, and what has not happened is not recorded.
UNSEEN = {"eda_telemetry_failures_total", "eda_step", *(rule["record"] for rule in RULES if "record" in rule)}


@dataclass(frozen=True)
class Query:
    """One of a dashboard's queries."""

    panel: str
    expression: str


def queries() -> Iterator[Query]:
    """Give every query of every dashboard, for everything that could be chosen."""
    for file in DASHBOARDS:
        page = json.loads(file.read_text("utf-8"))
        for panel in page["panels"]:
            for target in panel.get("targets", ()):
                expression = target["expr"]
                for variable, value in ANY.items():
                    expression = expression.replace(variable, value)
                yield Query(f"{page['title']}: {panel['title']}", expression)


def variables() -> Iterator[str]:
    """Give every metric whose labels can be chosen from."""
    for file in DASHBOARDS:
        for variable in json.loads(file.read_text("utf-8"))["templating"]["list"]:
            yield variable["query"]


class Containers:
    """Starts what `docker compose` starts, but here."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self.addresses = addresses

    def way(self, service: str) -> Way:
        """Give a service's environment."""
        environ = {name: self._here(str(value)) for name, value in SERVICES[service]["environment"].items()}
        environ |= {"OTEL_METRIC_EXPORT_INTERVAL": "500", "PYTHONPATH": str(ROOT / "otel_eda" / "demo")}
        return Way(launched("", service).before, environ)

    def arguments(self, service: str) -> list[str]:
        """Give a service's command; the shop is in haste."""
        _, *given = shlex.split(self._here(SERVICES[service]["command"]))
        return [*given, *(HASTE if service == "shop" else ())]

    def _here(self, text: str) -> str:
        for container, address in self.addresses.items():
            text = text.replace(container, address)
        return text


@pytest.fixture
def containers(collector: CollectorServer, private_kafka: Kafka) -> Containers:
    return Containers({**collector.addresses, "kafka:19092": private_kafka.address})


@pytest.fixture
def faulty(containers: Containers, private_kafka: Kafka, rabbitmq: RabbitMQ) -> Faulty:
    """Have the program run that does everything wrong once, with the shop's telemetry."""
    environ = {**(containers.way("shop").environ or {}), "OTEL_EDA_ZMQ_PROPAGATE": "1"}
    way = Way(launched("", "faulty").before, environ)
    return lambda: running(way, FAULTY, private_kafka.address, rabbitmq.address, private_kafka.topic())


def values(prometheus: Prometheus, query: Query) -> list[dict[str, Any]]:
    """Give a query's series that are numbers."""
    return [series for series in prometheus.query(query.expression) if series["value"][1] != "NaN"]


def firing(prometheus: Prometheus) -> set[tuple[str, str]]:
    """Give the alerts that fire, and for which service."""
    found = prometheus.query('ALERTS{alertstate="firing"}')
    return {(series["metric"]["alertname"], series["metric"].get("job", "")) for series in found}


DIAGNOSE = "import sys; from otel_eda import cli; sys.exit(cli.main(['diagnose', '--grace=0', sys.argv[1]]))"
FIRING = {
    ("EdaMessagesSkipped", "shipping"),
    ("EdaPoisonMessage", "payments"),
    ("EdaMessagesSkipped", "faulty"),
    ("EdaDuplicateProcessing", "faulty"),
    ("EdaDeadLettersRising", "faulty"),
    ("EdaSendsFailed", "faulty"),
    ("EdaMessagesReturned", "faulty"),
    ("EdaMessagesOutOfOrder", "faulty"),
    ("EdaEventsUnhandled", "faulty"),
}


@pytest.mark.timeout(300)
def test_the_stack_shows_the_demo(
    containers: Containers, collector: CollectorServer, prometheus: Prometheus, jaeger: Jaeger, faulty: Faulty
) -> None:
    with ExitStack() as stack:
        programs = [
            stack.enter_context(running(containers.way(service), *containers.arguments(service))) for service in DEMO
        ]
        stack.enter_context(faulty()).wait_for("done")
        # What is to come is known after ten minutes: the rules have tests of their own for that.
        missing = [query for query in queries() if "_ahead:" not in query.expression]

        def complete() -> bool:
            missing[:] = [query for query in missing if not values(prometheus, query)]
            return not missing and firing(prometheus) >= FIRING

        try:
            until(complete, "every panel and every alert", PATIENCE)
        except TimeoutError as error:
            told = "\n".join(f"{query.panel}: {query.expression}" for query in missing)
            raise AssertionError(f"{error}; empty:\n{told}\nmissing alerts: {FIRING - firing(prometheus)}") from error
        check_names(prometheus)
        check_exemplars(prometheus, jaeger)
        assert "EdaTelemetryIncomplete" not in {name for name, _ in firing(prometheus)}
        stop(programs)
    check_files(collector.telemetry)


def check_names(prometheus: Prometheus) -> None:
    """Check that every metric that is named anywhere is one there is."""
    named = {name for query in queries() for name in METRIC.findall(query.expression)}
    named |= {name for rule in RULES for name in METRIC.findall(rule["expr"])}
    named |= {name for query in variables() for name in METRIC.findall(query)}
    labels = set(prometheus.get("labels"))
    assert named - labels - prometheus.names() - UNSEEN == set()


def check_exemplars(prometheus: Prometheus, jaeger: Jaeger) -> None:
    """Check that slow buckets lead to traces that Jaeger has."""
    for metric in ("messaging_process_duration_seconds", "eda_queue_duration_seconds", "eda_handler_duration_seconds"):
        start, end = time.time() - 600, time.time() + 10
        found = prometheus.get("query_exemplars", query=f"{metric}_bucket", start=str(start), end=str(end))
        traces = [exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]]
        assert traces, metric
        until(partial(jaeger.trace, traces[0]), f"the trace of {metric}")


def stop(programs: list[Program]) -> None:
    """Stop the demo as its containers are stopped: it ends at once, and tells what it has."""
    for program in programs:
        program.signal(getattr(signal, SERVICES["shop"]["stop_signal"]))
    for program in programs:
        assert "KeyboardInterrupt" in program.finish().errors


def check_files(folder: Path) -> None:
    """Check that `otel-eda diagnose` finds in the collector's files what is wrong with the demo."""
    assert {file.name for file in folder.iterdir()} == {"traces.jsonl", "metrics.jsonl", "logs.jsonl"}
    done = run(Way(), "-c", DIAGNOSE, folder)
    assert done.status == 1, done.errors
    assert {"EDA104", "EDA402"} <= set(re.findall(r"EDA\d{3}", done.output))
