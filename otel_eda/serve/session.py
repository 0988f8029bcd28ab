"""Has telemetry kept for the length of a block: from exporters, growing files and a Jaeger to the parts of a folder."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.sources import CLICKHOUSE
from otel_eda.diagnosis.sources.jaeger import Jaeger
from otel_eda.live import sources
from otel_eda.live.evaluator import Polled
from otel_eda.otlp.queue import ExportQueue

from .board import Board
from .keeper import Keeper
from .parts import Parts, holds_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_eda.live.options import Endpoints, Places

    from .options import Bounded

JAEGER_SECONDS = 120.0  # that a Jaeger is asked for each time; what is known already is not added again
SILENCE_SECONDS = 3600.0  # that it is asked for at most when it answers again
FIRST_PARTS_SECONDS = 90 * 10**9  # before the end of a record, whose rates are shown


@dataclass
class Session:
    """What goes on while telemetry is kept."""

    parts: Parts
    board: Board
    keeper: Keeper
    queue: ExportQueue
    receivers: sources.OpenReceivers
    places: list[str]

    @property
    def amid(self) -> bool:
        """Whether there may be telemetry from before, which nobody kept."""
        return bool(self.receivers.endpoints or self.keeper.jaeger)


@contextmanager
def session(
    endpoints: Endpoints, places: Places, folder: Path | None, bounded: Bounded, *, receive: bool = True
) -> Iterator[Session]:
    """Receive and keep during the block, in a temporary folder if there is no other; raises `UnusableError`.

    A place that is a folder of parts is opened as it is, and nothing is kept or received. Without `receive` somebody
    else gives what comes to the queue.
    """
    record = _record(places, folder)
    files = [] if record else list(_files(places))
    queue, others = ExportQueue(), bool(files or places.jaeger or record or not receive)
    with (
        tempfile.TemporaryDirectory(prefix="otel-eda-serve-") as temporary,
        _parts(record, folder or Path(temporary, "parts"), bounded).opened() as parts,
        sources.receiving(endpoints.otlp, endpoints.otlp_grpc, others, [queue]) as receivers,
    ):
        board = Board((lambda: 0.0) if record else time.monotonic)
        _show_end(parts, board)
        jaeger = _jaeger(places)
        keeper = Keeper([sources.Exporters(queue), *files], parts, board, jaeger)
        named = [*(f"OTLP on {endpoint}" for endpoint in receivers.endpoints), *(places.file or ())]
        yield Session(parts, board, keeper, queue, receivers, [*named, *filter(None, [places.jaeger])])


def _files(places: Places) -> Iterator[sources.GrowingFiles]:
    for place in places.file or ():
        if place.startswith(CLICKHOUSE):
            raise UnusableError(f"{place}: a database keeps its telemetry itself; otel-eda watch and diagnose read it")
        yield sources.GrowingFiles(place)


def _jaeger(places: Places) -> Polled | None:
    if not (url := places.jaeger):
        return None
    return Polled(
        url, partial(Jaeger, url, places.service or []), JAEGER_SECONDS, counts=False, longest=SILENCE_SECONDS
    )


def _record(places: Places, folder: Path | None) -> Path | None:
    """Return the folder of parts that is to be shown, if one is."""
    records = [Path(place) for place in places.file or () if holds_parts(Path(place))]
    if not records:
        return None
    if folder or places.jaeger or len(places.file or ()) > 1:
        raise UnusableError(f"{records[0]}: a folder that was kept is shown alone; --keep goes on with it")
    return records[0]


def _parts(record: Path | None, folder: Path, bounded: Bounded) -> Parts:
    if record:
        return Parts(record, 0, 0.0, read_only=True)
    return Parts(folder, bounded.keep_size << 20, bounded.keep_age)


def _show_end(parts: Parts, board: Board) -> None:
    """Have the end of what was kept before on the board."""
    extent = parts.span()
    for part in parts.all:
        if extent and part.since <= extent[1] and part.ended >= extent[1] - FIRST_PARTS_SECONDS:
            board.take(part)
