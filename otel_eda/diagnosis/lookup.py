"""Finds the spans that a person means, by ids, by a message's place or by its key, or says what is near."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from otel_eda.hashed import KEY_VARIABLE, keyed_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .store import Store
    from .trace import SpanId

MOST_NEAR = 5
LEAST_SHARED = 4  # letters from which on what begins alike is near
# As people write places, and as reports do: orders/0/17, orders/0@17, orders [0] @17; and orders@17 of any partition.
PLACES = (
    re.compile(r"(?P<destination>.+?)\s*\[(?P<partition>[^\]]+)\]\s*@\s*(?P<offset>\d+)"),
    re.compile(r"(?P<destination>.+)/(?P<partition>[^/@]+)[/@](?P<offset>\d+)"),
    re.compile(r"(?P<destination>.+)[/@](?P<offset>\d+)"),
)
SHARED = "SELECT trace_id, span_id FROM operations GROUP BY ALL HAVING count(*) > 1"
LARGEST_OFFSET = 2**63 - 1
# The first that anything is found by counts.
NAMES = (
    "trace_id = lower($1)",
    "span_id = lower($1)",
    "message_id = $1",
    "correlation_id = $1",
    "key_hash IN ($1, $2)",
)
ID_COLUMNS = ("trace_id", "span_id", "message_id", "correlation_id", "key_hash")


def spans(store: Store, name: str) -> list[SpanId]:
    """Return the ids of the spans that an event's name stands for: none if nothing is called so."""
    for place in _places(name):
        if found := _at(store, *place):
            return found
    hashed = keyed_hash(name, os.environ.get(KEY_VARIABLE, ""))
    for condition in NAMES:
        parameters = [name, hashed][: condition.count("$")]
        if found := _where(store, condition, *parameters):
            return found
    return []


def near(store: Store, name: str) -> list[str]:
    """Return what there is that a name may be meant for: other offsets, other destinations, ids that begin so."""
    places = [(destination, partition) for destination, partition, _ in _places(name)] or [(name, None)]
    for destination, partition in places:
        if found := _offsets(store, destination, partition):
            return found
    names = [row[0] for row in store.ask("SELECT DISTINCT destination FROM operations WHERE destination IS NOT NULL")]
    likely = [
        f"{close}: {', '.join(_offsets(store, close, None)) or 'no offsets'}"
        for destination, _ in places
        for close in get_close_matches(destination, names, MOST_NEAR)
    ]
    return list(dict.fromkeys(likely))[:MOST_NEAR] or _beginning_so(store, name)


def _places(name: str) -> Iterator[tuple[str, str | None, int]]:
    for pattern in PLACES:
        match = pattern.fullmatch(name)
        if match and int(match["offset"]) <= LARGEST_OFFSET:
            yield match["destination"], match.groupdict().get("partition"), int(match["offset"])


def _at(store: Store, destination: str, partition: str | None, offset: int) -> list[SpanId]:
    where = "destination = $1 AND message_offset = $2 AND coalesce(partition_id = $3, $3 IS NULL)"
    # A poll or a batch has the place of each of its messages, but it is not the message.
    for more in (f"type <> 'receive' AND (trace_id, span_id) NOT IN ({SHARED})", "type <> 'receive'", "true"):
        if found := _where(store, f"{where} AND {more}", destination, offset, partition):
            return found
    return []


def _where(store: Store, condition: str, *parameters: Any) -> list[SpanId]:
    rows = store.ask(f"SELECT DISTINCT trace_id, span_id FROM operations WHERE {condition}", *parameters)
    return [(trace, span) for trace, span in rows]


def _offsets(store: Store, destination: str, partition: str | None) -> list[str]:
    """Return which offsets of a destination there are, by partition; of the partition that is asked for first."""
    rows = store.ask(
        """SELECT partition_id, min(message_offset), max(message_offset) FROM operations
           WHERE destination = $1 AND message_offset IS NOT NULL AND partition_id IS NOT NULL
           GROUP BY partition_id
           ORDER BY partition_id IS DISTINCT FROM $2, try_cast(partition_id AS BIGINT), partition_id""",
        destination,
        partition,
    )
    return [f"{destination}/{place}/{first} to {last}" for place, first, last in rows[:MOST_NEAR]]


def _beginning_so(store: Store, name: str) -> list[str]:
    if len(name) < LEAST_SHARED:
        return []
    ids = " UNION ".join(
        f"SELECT {column} AS id FROM operations WHERE starts_with(lower({column}), lower($1))" for column in ID_COLUMNS
    )
    return [row[0] for row in store.ask(f"SELECT id FROM ({ids}) ORDER BY id LIMIT {MOST_NEAR}", name)]
