"""`otel-eda trace`."""

import sys
from typing import Annotated

from typer import Argument

from otel_eda.diagnosis import CLEAN, UnusableError
from otel_eda.encodings import valid

from .options import Reading, loaded

EXAMPLES = (
    "otel-eda trace orders/0/17 telemetry",
    "otel-eda trace d019714d2a3a51f1ce3c2aa517b2d8d8 http://localhost:16686",
)


def run(
    id_: Annotated[
        str,
        Argument(
            metavar="ID",
            show_default=False,
            help="The id of a trace, span or message, a correlation id, topic/partition/offset, or a key or its hash.",
        ),
    ],
    reading: Reading,
) -> int:
    """Print an event's trace."""
    from otel_eda.diagnosis import lookup, trace
    from otel_eda.diagnosis.reports.trace import write

    id_ = valid(id_)

    with loaded(reading) as store:
        spans = trace.find(store, lookup.spans(store, id_))
        near = [] if spans else lookup.near(store, id_)
    if not spans:
        there = f"; there is {', '.join(near)}" if near else ""
        raise UnusableError(f"{id_}: nothing of this event is here{there}")
    write(spans, sys.stdout)
    return CLEAN
