"""What is instrumented here, what is not and why, which steps of ours failed, and where telemetry goes."""

from __future__ import annotations

import argparse
import json
import sys

from .endpoint import probe
from .examination import leave, of_command, of_environment
from .words import problems, text

__all__ = ["arguments", "leave", "of_environment", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the doctor's options."""
    parser.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="COMMAND",
        help="an application to run under opentelemetry-instrument, and to report on when it has ended; "
        "without one, what would be instrumented in this environment",
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def run(options: argparse.Namespace) -> int:
    """Report; the exit status is 0, 1 if something is not as it should be, 2 if there is nothing to report on."""
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    try:
        found = of_command(command) if command else of_environment()
    except OSError as error:
        print(f"otel-eda doctor: {error}", file=sys.stderr)
        return 2
    found["endpoint"] = probe()
    found["problems"] = problems(found)
    print(json.dumps(found, indent=2) if options.json else text(found))
    return 1 if found["problems"] else 0
