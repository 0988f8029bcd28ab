"""`otel-eda trace`."""

import re
import sys
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from otel_eda.diagnosis import CLEAN, UnusableError

from .options import Reading, loaded

if TYPE_CHECKING:
    from otel_eda.diagnosis.store import Store

EXAMPLES = (
    "otel-eda trace orders/0/17 telemetry",
    "otel-eda trace d019714d2a3a51f1ce3c2aa517b2d8d8 http://localhost:16686",
)
POSITION = re.compile(r"(?P<destination>.+)/(?P<partition>[^/@]+)[/@](?P<offset>\d+)")


def run(
    id_: Annotated[
        str, Argument(metavar="ID", show_default=False, help="A trace id, a message id, or topic/partition/offset.")
    ],
    reading: Reading,
) -> int:
    """Print an event's trace."""
    from otel_eda.diagnosis import trace
    from otel_eda.diagnosis.reports.trace import write

    with loaded(reading) as store:
        spans = trace.find(store, traces(store, id_))
    if not spans:
        raise UnusableError(f"{id_}: nothing of this event is here")
    write(spans, sys.stdout)
    return CLEAN


def traces(store: "Store", name: str) -> list[str]:
    """Return the ids of the traces that an event's name stands for."""
    place = POSITION.fullmatch(name)
    if place:
        found = store.ask(
            """SELECT DISTINCT trace_id FROM operations
               WHERE destination = ? AND partition_id = ? AND message_offset = ?""",
            place["destination"],
            place["partition"],
            int(place["offset"]),
        )
    else:
        found = store.ask(
            """SELECT DISTINCT trace_id FROM operations
               WHERE trace_id = lower($1) OR message_id = $1 OR span_id = lower($1)""",
            name,
        )
    return [row[0] for row in found]
