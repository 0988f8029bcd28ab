"""The demo: three services, a broker and 200 orders on this machine, what they export, and what is found in it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from otel_eda.diagnosis.commands import amount

if TYPE_CHECKING:
    import argparse

MISSING = "the demo needs more packages ({name} is missing): pip install 'otel-eda[demo]'"
FAILED = 2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the demo's options."""
    parser.add_argument(
        "--orders", type=amount, default=200, metavar="N", help="orders to place (default: %(default)s)"
    )
    parser.add_argument("--endpoint", metavar="URL", help="OTLP endpoint to send the telemetry to as well")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="folder for the telemetry as OTLP JSON lines")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="where the report for a browser goes (beside the telemetry)"
    )
    parser.add_argument("--no-open", dest="look", action="store_false", help="do not open the report in a browser")
    parser.add_argument("--top", action="store_true", help="show how destinations and groups do meanwhile")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another day (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Run the demo; the exit status is 0, or 2 if it could not be shown."""
    try:
        from .runner import Day, show
    except ModuleNotFoundError as error:
        print(MISSING.format(name=error.name), file=sys.stderr)
        return FAILED
    wanted = {name: getattr(options, name) for name in Day.__dataclass_fields__}
    return show(Day(**wanted))
