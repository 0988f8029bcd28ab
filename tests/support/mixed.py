"""Runs the programs of `examples/mixed` as their README says, at brokers of the tests."""

from __future__ import annotations

import re
import signal
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from brokers.loopback import Loopback

from support.programs import PATIENCE, launched, run, running
from support.waiting import until

if TYPE_CHECKING:
    from brokers.jaeger import Jaeger
    from brokers.kafka import Kafka
    from brokers.rabbitmq import RabbitMQ
    from brokers.spans import Span

    from support.programs import Outcome, Way

FOLDER = Path(__file__).parents[2] / "examples" / "mixed"
ORDERS = 3


@dataclass
class Mixed:
    """One run; the names of its destinations and services are its own, for brokers and Jaeger are shared."""

    kafka: Kafka
    rabbitmq: RabbitMQ
    jaeger: Jaeger
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def __post_init__(self) -> None:
        self.orders, self.bills = self.kafka.topic(), self.kafka.topic()
        self.parcels = self.rabbitmq.queue()
        self.screen = Loopback().endpoint()
        at_kafka, at_rabbitmq = ("--kafka", self.kafka.address), ("--rabbitmq", self.rabbitmq.address)
        self.options = {
            "screen": ("--screen", self.screen),
            "shipping": (*at_rabbitmq, "--parcels", self.parcels, "--screen", self.screen),
            "packing": (*at_kafka, *at_rabbitmq, "--bills", self.bills, "--parcels", self.parcels),
            "billing": (*at_kafka, "--orders", self.orders, "--bills", self.bills),
            "shop": (*at_kafka, "--orders", self.orders),
        }

    def way(self, service: str) -> Way:
        """Start by the launcher, and send the traces to Jaeger, which takes nothing else."""
        name = f"{service}-{self.tag}"
        environ = {"OTEL_METRICS_EXPORTER": "none", "OTEL_EDA_ZMQ_PROPAGATE": "1"}
        return launched(self.jaeger.otlp_http, name, **environ)

    def run(self) -> dict[str, Outcome]:
        """Run every program until all orders are on the screen; give how each ended."""
        *lasting, shop = self.options
        outcomes = {}
        with ExitStack() as stack:
            programs = {
                service: stack.enter_context(
                    running(self.way(service), FOLDER / f"{service}.py", *self.options[service])
                )
                for service in lasting
            }
            outcomes[shop] = run(self.way(shop), FOLDER / f"{shop}.py", *self.options[shop])
            screen = programs["screen"]
            try:
                until(lambda: len(screen.output.splitlines()) == ORDERS, "the orders on the screen", PATIENCE)
            except TimeoutError as error:
                told = "".join(f"\n{name}: {each.output}{each.errors}" for name, each in programs.items())
                raise AssertionError(f"{error}{told}") from None
            for service, program in programs.items():
                program.signal(signal.SIGINT)
                outcomes[service] = program.finish()
        return outcomes

    def spans(self, count: int) -> list[Span]:
        """Wait until Jaeger has that many spans in the shop's traces, and give them."""
        seen: list[Span] = []

        def probe() -> bool:
            now = datetime.now(timezone.utc)
            seen[:] = self.jaeger.find(f"shop-{self.tag}", now - timedelta(minutes=10), now + timedelta(minutes=1))
            return len(seen) >= count

        try:
            until(probe, f"{count} spans in Jaeger", PATIENCE)
        except TimeoutError as error:
            raise AssertionError(f"{error}: {tree(seen, self)}") from None
        return seen

    def plain(self, text: str) -> str:
        """Write a name as the README does: without what differs from run to run."""
        names = {self.orders: "orders", self.bills: "bills", self.parcels: "parcels"}
        for name, plain in {**names, self.screen: "tcp://127.0.0.1:5599", f"-{self.tag}": ""}.items():
            text = text.replace(name, plain)
        return text


def tree(spans: list[Span], mixed: Mixed) -> list[str]:
    """Draw the traces as the README does, each span under its parent."""
    lines: list[str] = []

    def grow(parent: str, before: str) -> None:
        children = [span for span in spans if span.parent_id == parent]
        for span in children:
            last = span is children[-1]
            branch = ("└─ " if last else "├─ ") if parent else ""
            lines.append(f"{before}{branch}{mixed.plain(f'{span.service}: {span.name}')}")
            grow(span.span_id, before + (("   " if last else "│  ") if parent else ""))

    grow("", "")
    return lines


def promised() -> list[str]:
    """Give the tree that the README shows."""
    [shown] = re.findall(r"```text\n(.*?)```", (FOLDER / "README.md").read_text("utf-8"), re.DOTALL)
    return str(shown).splitlines()
