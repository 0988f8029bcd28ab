"""The command `otel-eda`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from otel_eda.core.telemetry.providers import own_version

from . import demo, doctor
from .diagnosis.commands import diagnose, explain, export, sql, trace
from .live import top, watch

if TYPE_CHECKING:
    from collections.abc import Sequence


def parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    made = argparse.ArgumentParser(prog="otel-eda", description="Observability for event-driven Python systems.")
    made.add_argument("--version", action="version", version=f"%(prog)s {own_version()}")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for module, name, about in (
        (demo, "demo", "run three services over an embedded broker and show what their telemetry tells"),
        (doctor, "doctor", "tell what is instrumented, what is not and why, and where telemetry goes"),
        (
            diagnose,
            "diagnose",
            "find lost, duplicated, late, disordered and failed events, with the proof",
        ),
        (trace, "trace", "print one event's whole way"),
        (watch, "watch", "find such events while they happen: receive OTLP, or follow files or a Jaeger"),
        (top, "top", "show how destinations and consumer groups do, now"),
        (explain, "explain", "tell what a finding's code means, how it is proven and what to do"),
        (export, "export", "write the table of operations to a file"),
        (sql, "sql", "ask the table of operations"),
    ):
        command = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        module.arguments(command)
        command.set_defaults(run=module.run)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives its exit status."""
    options = parser().parse_args(arguments)
    status: int = options.run(options)
    return status
