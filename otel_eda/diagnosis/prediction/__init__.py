"""What is coming, by the metrics: the tables `outlooks` and `shifts`, from which the checks of prediction select.

SQL makes time series of the readings (`measures`), plain Python continues them (`otel_eda.forecast`), and what it says
goes back as rows. So a check of prediction is SQL as any other is, in any engine.
"""

from __future__ import annotations

from dataclasses import astuple, fields
from typing import TYPE_CHECKING

from .known import Known
from .measures import measured
from .outlooks import OutlookRow, outlooks
from .shifts import ShiftRow, shifts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_eda.diagnosis.engines import Tables
    from otel_eda.diagnosis.settings import Bounds

    from .rows import PredictionRow

ROWS = 50  # that one statement inserts
TYPES = {"str": "VARCHAR", "float": "DOUBLE", "int": "BIGINT", "bool": "BOOLEAN"}


def prepare(tables: Tables, settings: Bounds) -> None:
    """Make the tables `outlooks` and `shifts`; those of `facts` must be there."""
    series = list(measured(tables))
    known = Known(tables, series)
    now = [one for one in series if known.goes_on(one)]
    _insert(tables, "outlooks", OutlookRow, [row for one in now for row in outlooks(one, known, settings)])
    _insert(tables, "shifts", ShiftRow, [row for one in now for row in shifts(one, known)])


def _insert(tables: Tables, name: str, kind: type[PredictionRow], rows: Sequence[PredictionRow]) -> None:
    columns = ", ".join(f"{item.name} {TYPES[str(item.type).partition(' ')[0]]}" for item in fields(kind))
    tables.execute(f"CREATE TABLE {name} ({columns})")
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        places = ", ".join(f"({', '.join('?' * len(fields(kind)))})" for _ in part)
        tables.execute(f"INSERT INTO {name} VALUES {places}", *(value for row in part for value in astuple(row)))
