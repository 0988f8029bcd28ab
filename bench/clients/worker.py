"""One contender with one configuration and library, in a process of its own."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.contenders import ALL, HAND, OFFICIAL, OURS, configure
from bench.contenders import instrument as switch_on
from bench.stage import cost

from . import LIBRARIES

if TYPE_CHECKING:
    from . import Library
    from .floor import Floor

DATADOG = "datadog"


def instrument(who: str, library: Library) -> None:
    """Switch an instrumentation on, before the library is imported."""
    if who == OFFICIAL:
        module, _, name = (library.official or "").partition(":")
        getattr(import_module(module), name)().instrument()
    elif who == DATADOG:
        import_module("ddtrace").patch(raise_errors=True, **{str(library.datadog): True})
    elif who == OURS:
        os.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
        switch_on(OURS)


def floor(config: str, library: Library, destination: str) -> Floor:
    """Make what is done by hand."""
    from opentelemetry import metrics, trace

    from bench.byhand import Instruments

    from .floor import Floor

    instruments = Instruments.of(metrics.get_meter("bench")) if config == ALL else None
    return Floor(trace.get_tracer("bench"), instruments, library.system, destination)


def main(who: str, config: str, name: str, address: str, destination: str) -> None:
    """Send and receive as many messages as a line says; answer with the microseconds of processor time of each."""
    library = LIBRARIES[name]
    configure(config)
    instrument(who, library)
    byhand: Any = floor(config, library, destination) if who == HAND else None
    application = library.application(address, destination, byhand)
    for line in sys.stdin:
        count = int(line)
        print(json.dumps([cost(application.send, count), cost(application.receive, count)]), flush=True)
    os._exit(0)  # what a client does at its end is not measured


if __name__ == "__main__":
    main(*sys.argv[1:])
