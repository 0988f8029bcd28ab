"""The runs of the mode *write*: their names, which goes on, which of them tells news, and what killed ones left."""

from __future__ import annotations

import random
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from otel_eda.diagnosis import BusyError
from otel_eda.diagnosis.settings import SECOND
from otel_eda.diagnosis.sources.clickhouse_connection import bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clickhouse_connect.driver.client import Client

State: TypeAlias = Literal["reads", "tells", "told"]
LEASE_SECONDS = 600  # longer than any query may take
RENEWED_SECONDS = 60
CLAIMS = 4  # of runs that begin at once each steps back and tries again
LATEST = (
    "SELECT run, argMax(until, said) AS until, argMax(state, said) AS state, min(began) AS began FROM runs GROUP BY run"
)
MADE = "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, '{}')"
PREFIX = "run_"


class WindowRun:
    """One run, whose tables have names that begin with its `prefix`."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.name = uuid.uuid4().hex
        self.prefix = f"{PREFIX}{self.name}_"
        self.state: State = "reads"
        self.said = 0.0

    def begin(self, *, tells: bool) -> None:
        """Begin, and drop what killed runs left; raises `BusyError` if another run is telling news."""
        self.state = "tells" if tells else "reads"
        for claim in range(CLAIMS):
            self._say(LEASE_SECONDS)
            others = self._others() if tells else []
            if not others:
                break
            # Each says that it begins before it looks: so never two go on, though at times both step back.
            self._say(0)
            if claim == CLAIMS - 1:
                raise BusyError(f"another run tells news, since {others[0]}: this one leaves it to that")
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311  # no secret
        self._drop_leftovers()

    def renew(self) -> None:
        """Say once in a while that this run goes on."""
        if time.monotonic() - self.said > RENEWED_SECONDS:
            self._say(LEASE_SECONDS)

    def told_before(self) -> int | None:
        """Return when the last run began that told news, in nanoseconds since 1970; None if there was none."""
        latest = f"SELECT toUnixTimestamp64Milli(max(began)) FROM ({LATEST}) WHERE state = 'told'"
        return int(self._rows(latest)[0][0]) * (SECOND // 1000) or None

    def remember(self) -> None:
        """Remember what was heard: it is told now."""
        heard = f"SELECT code, occurrence, max(verdict) FROM {self.prefix}heard GROUP BY code, occurrence"
        self._command(f"INSERT INTO told (code, occurrence, verdict) {heard}")
        self.state = "told"

    def end(self) -> None:
        """Drop this run's tables; what cannot be dropped now, a later run does."""
        with suppress(ClickHouseError, HTTPError, OSError):
            self._drop(self.prefix)
            self._say(0)

    def _others(self) -> list[str]:
        """Return since when others tell news that go on."""
        going_on = f"SELECT toString(began) FROM ({LATEST}) WHERE run != '{self.name}' AND until > now64(3)"
        return [str(row[0]) for row in self._rows(f"{going_on} AND state = 'tells' ORDER BY began")]

    def _drop_leftovers(self) -> None:
        live = {f"{PREFIX}{row[0]}" for row in self._rows(f"SELECT run FROM ({LATEST}) WHERE until > now64(3)")}
        names = [str(row[0]) for row in self._rows(MADE.format(PREFIX))]
        for prefix in {"_".join(name.split("_")[:2]) for name in names} - live:
            self._drop(f"{prefix}_")

    def _drop(self, prefix: str) -> None:
        for (name,) in self._rows(MADE.format(prefix)):
            self._command(f"DROP TABLE IF EXISTS {name}")

    def _say(self, seconds: int) -> None:
        until = f"now64(3) + INTERVAL {seconds} SECOND" if seconds else "toDateTime64(0, 3)"
        self._command(
            f"INSERT INTO runs (run, began, until, state) SELECT '{self.name}', now64(3), {until}, '{self.state}'"
        )
        self.said = time.monotonic()

    def _rows(self, query: str) -> Sequence[Sequence[Any]]:
        return self.client.query(query, settings=bounds(self.client, "runs")).result_rows

    def _command(self, statement: str) -> None:
        self.client.command(statement, settings=bounds(self.client, "runs"))
