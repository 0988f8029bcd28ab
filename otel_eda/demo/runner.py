"""Runs the demo from the broker's start to the report."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store
from otel_eda.live.aggregates import Aggregates
from otel_eda.live.top import taking

from .broker import broker
from .diagnose import diagnose, look, watched
from .file_exporter import FileExporter
from .forward import forward
from .processes import CrashError, Service, Services, environment, services
from .receiver import SpanCounter, receiver
from .target import Target, find
from .terminal import Bar, Terminal, complain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_eda.otlp import Sink

    from .options import Options

CONSUMERS = ("payments", "shipping")
SHOP = "shop"
CHAIN = (SHOP, *CONSUMERS)
TICK = 0.05  # seconds
TITLE = "the demo's services"
QUIET = 90.0  # seconds: a busy machine may take half a minute to import what three services need


def show(options: Options) -> None:
    """Run the demo and report; raises `UnusableError` if not all of it is seen in the telemetry."""
    terminal, counter = Terminal(), SpanCounter()
    expected = len(CONSUMERS) * (options.orders + 1)  # every order and the end of the day, by every consumer
    with _folder(options.keep) as folder:
        files, target = FileExporter(folder), find(options.endpoint, os.environ)
        terminal.intro(options.orders, CHAIN)
        began, aggregates = time.monotonic(), Aggregates()
        bar = terminal.top(aggregates, TITLE) if options.top else terminal.progress(expected)
        failures = _collect(options, [counter, files, taking(aggregates)], counter, target, bar)
        terminal.spans(counter.spans, time.monotonic() - began)
        if counter.processed:
            _report(options, files, target, failures.get("traces"), terminal)
    if counter.processed != expected:
        raise UnusableError(
            f"only {counter.processed} of {expected} processed events were seen in the telemetry: "
            "is otel-eda installed here?"
        )


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    if wanted:
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="otel-eda-demo-") as made:
        yield Path(made)


def _report(
    options: Options, files: FileExporter, target: Target | None, failure: str | None, terminal: Terminal
) -> None:
    report = options.report or Path(options.keep or tempfile.mkdtemp(prefix="otel-eda-demo-"), "report.html")
    with Store() as store:
        store.read(Files(str(file)) for file in files.files)
        diagnosis = diagnose(store, report, target.ui if target else None)
        terminal.summary(store)
        terminal.findings(diagnosis, report)
        if options.keep:
            terminal.kept(options.keep)
        if target and failure:
            terminal.unsent(target, failure)
        elif target:
            terminal.sent(store, target)
    if not options.no_open and watched(os.environ):
        look(report)


def _collect(
    options: Options,
    sinks: list[Sink],
    counter: SpanCounter,
    target: Target | None,
    shown: AbstractContextManager[Bar],
) -> Mapping[str, str]:
    """Run the services, collect what they export, and return why signals could not be forwarded, by signal."""
    with ExitStack() as stack:
        forwarding = stack.enter_context(forward(target)) if target else None
        endpoint = stack.enter_context(receiver(*sinks, *([forwarding] if forwarding else [])))
        started = stack.enter_context(staged(options, endpoint))
        bar = stack.enter_context(shown)
        _work(started, counter, bar)
    return forwarding.failures if forwarding else {}


@contextmanager
def staged(options: Options, endpoint: str, *more: str) -> Iterator[Services]:
    """Yield the services beside a broker, none of which is started, with `more` arguments."""
    with broker() as address, tempfile.TemporaryDirectory() as logs:
        arguments = ["--broker", address, "--orders", str(options.orders), "--seed", str(options.seed), *more]
        with services(environment(endpoint, os.environ), arguments, Path(logs)) as started:
            try:
                yield started
            except CrashError as error:
                complain(error.output)
                raise


def _work(started: Services, counter: SpanCounter, bar: Bar) -> None:
    patience = Patience(QUIET)
    open_shop(started, patience)
    while started.running():
        _tick(started, patience, counter.spans)
        bar(counter.processed)
    bar(counter.processed)


def open_shop(started: Services, patience: Patience) -> None:
    """Start the consumers and, when they are ready, the shop."""
    consumers = [started.start(name) for name in CONSUMERS]
    while not _ready(consumers):
        _tick(started, patience, "ready")
    started.start(SHOP)


def _ready(consumers: list[Service]) -> bool:
    return all(service.ready for service in consumers)


def _tick(started: Services, patience: Patience, sign: object) -> None:
    running = started.running()
    if patience.ends(sign):
        tails = "\n".join(f"{service.name}:\n{service.tail}" for service in running)
        raise CrashError(f"nothing happened for {patience.seconds:.0f} s", tails)
    time.sleep(TICK)


class Patience:
    """Ends when nothing changes for too long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.sign: object = None
        self.since = time.monotonic()

    def ends(self, sign: object) -> bool:
        """Return whether the sign of life has been the same for too long."""
        if sign != self.sign:
            self.sign, self.since = sign, time.monotonic()
        return time.monotonic() - self.since > self.seconds
