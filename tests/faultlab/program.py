"""Runs a function of a scenario in a process of its own, and gives such functions what they need.

`python -m faultlab.program MODULE FUNCTION ARGUMENTS`, the arguments as a list in JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import sys
import time
from typing import Any, NoReturn

GRACE = 2.0  # seconds; what takes longer counts as missing


def say(line: str) -> None:
    """Tell the stage how far we are."""
    print(line, flush=True)


def wait(line: str) -> None:
    """Tell the stage how far we are, and wait until it lets us go on."""
    say(line)
    sys.stdin.readline()


def told() -> bool:
    """Tell whether the stage has let us go on."""
    return bool(select.select([sys.stdin], [], [], 0)[0])


def outlive() -> None:
    """Live on for so long that what has not come by now is not merely late, and give a sign of it."""
    from opentelemetry import trace

    time.sleep(GRACE + 0.5)
    trace.get_tracer(__name__).start_span("still here").end()


def export() -> None:
    """Have everything exported that is known so far."""
    from opentelemetry import _logs, metrics, trace

    # In this order, for what is observed with the metrics leaves as logs.
    providers: list[Any] = [trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider()]
    for provider in providers:
        provider.force_flush()


def crash() -> NoReturn:
    """End as by a crash, when what was told of the time before has been exported."""
    export()
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit


def main(module: str, name: str, arguments: str) -> None:
    """Call the function."""
    getattr(importlib.import_module(module), name)(*json.loads(arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
