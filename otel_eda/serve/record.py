"""`otel-eda record`."""

from pathlib import Path
from typing import Annotated

from typer import Argument

from otel_eda.diagnosis import CLEAN, UNUSABLE
from otel_eda.interrupts import announced
from otel_eda.live.options import Duration, Endpoints, Places

from .options import Bounded
from .saying import say

EXAMPLES = (
    "otel-eda record telemetry",
    "otel-eda record telemetry --duration 10m && otel-eda diagnose telemetry",
)


def run(
    *,
    folder: Annotated[
        Path, Argument(metavar="DIR", show_default=False, help="The folder that the telemetry is kept in.")
    ],
    endpoints: Endpoints,
    places: Places,
    bounded: Bounded,
    duration: Duration = None,
) -> int:
    """Keep what comes until the end."""
    from .keeper import Failing
    from .session import session

    with announced() as ended, session(endpoints, places, folder, bounded) as kept:
        threads = Failing(ended)
        kept.keeper.board = None
        threads.start("keeper", lambda: kept.keeper.run(ended))
        say(f"keeps {', '.join(kept.places)} in {folder}; an interrupt (Ctrl-C) ends it")
        ended.wait(duration)
        ended.set()
        threads.join()
    say(f"kept {kept.keeper.loader.spans:,} spans in {folder}")
    for note in [*kept.receivers.notes(), *kept.keeper.notes()]:
        say(f"Note: {note}")
    return UNUSABLE if kept.keeper.lost else CLEAN
