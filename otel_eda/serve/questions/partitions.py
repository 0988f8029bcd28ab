"""The partitions of a destination: who works on each, how much it has of all messages, and when they changed hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.diagnosis.settings import SECOND, Bounds

from .asking import QuestionError

if TYPE_CHECKING:
    from otel_eda.serve.contract.answers import Ownership, Partition, PartitionGroup, PartitionsAnswer, Rebalance

    from .asking import Asked, Reader, Time

HOT = Bounds().hot_share or 3.0
MOST_OWNERS, MOST_REBALANCES = 2000, 1000
RUNS = """
WITH work AS (
    SELECT coalesce(consumer_group, '') AS reader, partition_id, instance, service, started, ended,
           instance IS DISTINCT FROM lag(instance) OVER (
               PARTITION BY consumer_group, partition_id ORDER BY started, ended) AS changed
    FROM operations
    WHERE type IN ('process', 'receive') AND destination = $destination AND partition_id IS NOT NULL
          AND started >= $since AND started < $until
), numbered AS (
    SELECT *, sum(changed::INTEGER) OVER (PARTITION BY reader, partition_id ORDER BY started, ended) AS turn FROM work
)
SELECT reader, partition_id, instance, any_value(service), min(started), max(ended)
FROM numbered GROUP BY reader, partition_id, instance, turn ORDER BY min(started)
"""
LOADS = """
SELECT coalesce(consumer_group, '') AS reader, partition_id, count(*), arg_max(service, started),
       arg_max(instance, started)
FROM operations
WHERE type = 'process' AND continued IS DISTINCT FROM true AND destination = $destination
      AND partition_id IS NOT NULL AND started >= $since AND started < $until
GROUP BY reader, partition_id ORDER BY try_cast(partition_id AS BIGINT), partition_id
"""
LAGS = f"""
SELECT coalesce(consumer_group, ''), partition_id, arg_max(value, time)::BIGINT FROM metrics
WHERE name = '{semconv.LAG}' AND destination = $destination AND partition_id IS NOT NULL
      AND time >= $since AND time < $until
GROUP BY ALL
"""
CHANGES = f"""
SELECT coalesce(consumer_group, ''), time, name = '{semconv.ASSIGNED}', service, instance, partition_id FROM events
WHERE name IN ('{semconv.ASSIGNED}', '{semconv.REVOKED}') AND (destination = $destination OR destination IS NULL)
      AND time >= $since AND time < $until
ORDER BY time DESC LIMIT {MOST_REBALANCES}
"""


def partitions(reader: Reader, asked: Asked) -> PartitionsAnswer:
    """Return the partitions of a destination, by group."""
    time, destination = asked.time(), asked.text("destination")
    if not destination:
        raise QuestionError("destination has to be named")
    since, until = time.nanoseconds
    parameters = {"since": since, "until": until, "destination": destination}
    with reader.tables(time) as tables:
        loads, runs = tables.ask(LOADS, parameters), tables.ask(RUNS, parameters)
        lags = {(group, part): lag for group, part, lag in tables.ask(LAGS, parameters)}
        changes = tables.ask(CHANGES, parameters)
    names = sorted({row[0] for row in (*loads, *runs)})
    return {
        "destination": destination,
        "since": time.since,
        "until": time.until,
        "groups": [_group(name, time, loads, runs, lags, changes) for name in names],
    }


def _group(  # noqa: PLR0917
    name: str,
    time: Time,
    loads: list[tuple[Any, ...]],
    runs: list[tuple[Any, ...]],
    lags: dict[tuple[str, str], int],
    changes: list[tuple[Any, ...]],
) -> PartitionGroup:
    ours = [row[1:] for row in loads if row[0] == name]
    whole = sum(row[1] for row in ours)
    rebalances = [_rebalance(*row[1:]) for row in changes if row[0] in {name, ""}]
    return {
        "name": name or None,
        "partitions": [_partition(row, time, whole, len(ours), lags.get((name, row[0]))) for row in ours],
        "owners": [_ownership(*row[1:]) for row in runs if row[0] == name][:MOST_OWNERS],
        "rebalances": rebalances[::-1],
    }


def _partition(row: tuple[Any, ...], time: Time, whole: int, number: int, lag: int | None) -> Partition:
    name, count, service, instance = row
    return {
        "partition": name,
        "owner": service,
        "instance": instance,
        "rate": count / time.seconds,
        "share": count / whole,
        "lag": lag,
        "hot": number > 1 and count >= HOT * whole / number,
    }


def _ownership(partition: str, instance: str, service: str, since: int, until: int) -> Ownership:
    return {
        "partition": partition,
        "instance": instance,
        "service": service,
        "since": since / SECOND,
        "until": until / SECOND,
    }


def _rebalance(time: int, given: bool, service: str, instance: str, partition: str | None) -> Rebalance:
    return {
        "time": time / SECOND,
        "kind": "assigned" if given else "revoked",
        "service": service,
        "instance": instance,
        "partition": partition,
    }
