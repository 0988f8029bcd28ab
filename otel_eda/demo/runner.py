"""Runs the demo from the broker's start to the report."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError
from otel_eda.live.aggregates import Aggregates
from otel_eda.live.top import taking

from . import FAILED
from .broker import broker
from .flow import is_process
from .forward import forward
from .keep import Keep
from .processes import CrashError, Service, Services, environment, services
from .receiver import Spans, receiver
from .screen import Bar, Screen, complain
from .target import Target, find
from .verdict import diagnosed, look, watched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_eda.otlp import Sink

CONSUMERS = ("payments", "shipping")
SHOP = "shop"
CHAIN = (SHOP, *CONSUMERS)
TICK = 0.05
SHOWN = "the demo's services"
QUIET = 90.0  # seconds: a busy machine may take half a minute to import what three services need
INTERRUPTED = 130


@dataclass(frozen=True)
class Day:
    """What the user asked for."""

    orders: int
    seed: int
    endpoint: str | None = None
    keep: Path | None = None
    report: Path | None = None
    look: bool = True
    top: bool = False

    @property
    def messages(self) -> int:
        """How many messages will be processed: every order and the end of the day, by every consumer."""
        return len(CONSUMERS) * (self.orders + 1)

    @property
    def arguments(self) -> list[str]:
        """The services' command line, without the broker."""
        return ["--orders", str(self.orders), "--seed", str(self.seed)]


def show(day: Day) -> int:
    """Run the demo and report; the exit status."""
    try:
        with _terminable():
            return _show(day, Screen())
    except (CrashError, OSError, UnusableError) as error:
        complain(f"The demo failed: {error}")
        return FAILED
    except KeyboardInterrupt:
        complain("stopped")
        return INTERRUPTED


@contextmanager
def _terminable() -> Iterator[None]:
    # Without this a SIGTERM would end us at once and leave the services behind.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _show(day: Day, screen: Screen) -> int:
    with _folder(day.keep) as folder:
        spans, keep, target = Spans(), Keep(folder), find(day.endpoint, os.environ)
        screen.intro(day.orders, CHAIN)
        began = time.monotonic()
        board = Aggregates()
        bar = screen.top(board, SHOWN) if day.top else screen.progress(day.messages)
        failures = _collect(day, [spans, keep, taking(board)], spans, target, bar)
        screen.report(spans.all, time.monotonic() - began)
        if _processed(spans):
            _diagnose(day, keep, target, screen)
    screen.places(spans.all, day.keep, target, failures.get("traces"))
    return _verdict(day, _processed(spans))


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    if wanted:
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="otel-eda-demo-") as made:
        yield Path(made)


def _diagnose(day: Day, keep: Keep, target: Target | None, screen: Screen) -> None:
    report = day.report or Path(day.keep or tempfile.mkdtemp(prefix="otel-eda-demo-"), "report.html")
    screen.findings(diagnosed(keep.files, report, target.ui if target else None), report)
    if day.look and watched(os.environ):
        look(report)


def _verdict(day: Day, processed: int) -> int:
    if processed == day.messages:
        return 0
    complain(
        f"Only {processed} of {day.messages} processed events were seen in the telemetry: is otel-eda installed here?"
    )
    return FAILED


def _collect(
    day: Day, sinks: list[Sink], spans: Spans, target: Target | None, shown: AbstractContextManager[Bar]
) -> Mapping[str, str]:
    """Run the services, collect what they export, and give the signals that could not be forwarded, with the reason."""
    with ExitStack() as stack:
        forwarding = stack.enter_context(forward(target)) if target else None
        endpoint = stack.enter_context(receiver(*sinks, *([forwarding] if forwarding else [])))
        started = stack.enter_context(_services(day, endpoint))
        bar = stack.enter_context(shown)
        _work(started, spans, bar)
    return forwarding.failures if forwarding else {}


@contextmanager
def _services(day: Day, endpoint: str) -> Iterator[Services]:
    with broker() as address, tempfile.TemporaryDirectory() as logs:
        arguments = ["--broker", address, *day.arguments]
        with services(environment(endpoint, os.environ), arguments, Path(logs)) as started:
            yield started


def _work(started: Services, spans: Spans, bar: Bar) -> None:
    patience = Patience(QUIET)
    consumers = [started.start(name) for name in CONSUMERS]
    while not _ready(consumers):
        _tick(started, patience, "ready")
    started.start(SHOP)
    while started.running():
        _tick(started, patience, len(spans.all))
        bar(_processed(spans))
    bar(_processed(spans))


def _processed(spans: Spans) -> int:
    return len({span.position for span in spans.all if is_process(span)})


def _ready(consumers: list[Service]) -> bool:
    return all(service.ready for service in consumers)


def _tick(started: Services, patience: Patience, sign: object) -> None:
    running = started.running()
    if patience.ends(sign):
        tails = "\n".join(f"{service.name}:\n{service.tail}" for service in running)
        raise CrashError(f"nothing happened for {patience.seconds:.0f} s\n{tails}")
    time.sleep(TICK)


class Patience:
    """Ends when nothing changes for too long."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.sign: object = None
        self.since = time.monotonic()

    def ends(self, sign: object) -> bool:
        """Tell whether the sign of life has been the same for too long."""
        if sign != self.sign:
            self.sign, self.since = sign, time.monotonic()
        return time.monotonic() - self.since > self.seconds
