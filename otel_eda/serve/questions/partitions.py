"""The partitions of a destination: who works on each, how much it has of all messages, and when they changed hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.diagnosis.settings import SECOND, Bounds

from .asking import QuestionError

if TYPE_CHECKING:
    from otel_eda.serve.contract.partitions import Ownership, Partition, PartitionGroup, PartitionsAnswer, Rebalance

    from .asking import Asked, Reader

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
FROM numbered GROUP BY reader, partition_id, instance, turn ORDER BY max(ended)
"""
# A partition is one that was worked on, that has lag, or that somebody was given: also where nobody processes anything.
# One to which something was sent is one for each group.
LOADS = f"""
WITH told AS (
    SELECT coalesce(consumer_group, '') AS reader, partition_id, service, instance, started AS time,
           (type = 'process' AND continued IS DISTINCT FROM true)::INTEGER AS number
    FROM operations WHERE type IN ('process', 'receive') AND destination = $destination
         AND partition_id IS NOT NULL AND started >= $since AND started < $until
    UNION ALL
    SELECT coalesce(consumer_group, ''), partition_id, service, instance, time, 0
    FROM metrics WHERE name = '{semconv.LAG}' AND destination = $destination
         AND partition_id IS NOT NULL AND time >= $since AND time < $until
    UNION ALL
    SELECT coalesce(consumer_group, ''), partition_id, service, instance, time, 0
    FROM events WHERE name = '{semconv.ASSIGNED}' AND destination = $destination
         AND partition_id IS NOT NULL AND consumer_group IS NOT NULL AND time >= $since AND time < $until
), known AS (
    SELECT * FROM told
    UNION ALL
    SELECT r.reader, s.partition_id, NULL, NULL, NULL, 0
    FROM (SELECT DISTINCT reader FROM told) r, (
        SELECT DISTINCT partition_id FROM operations WHERE type = 'send' AND destination = $destination
               AND partition_id IS NOT NULL AND started >= $since AND started < $until) s
)
SELECT reader, partition_id, sum(number)::BIGINT, arg_max(service, time), arg_max(instance, time)
FROM known GROUP BY reader, partition_id ORDER BY try_cast(partition_id AS BIGINT), partition_id
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
ORDER BY time DESC
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
    kept = max(reader.kept_seconds(time, asked.now), 1.0)
    names = sorted({row[0] for row in loads})
    return {
        "destination": destination,
        "since": time.since,
        "until": time.until,
        "groups": [_group(name, kept, loads, runs, lags, changes) for name in names],
    }


def _group(  # noqa: PLR0917
    name: str,
    kept: float,
    loads: list[tuple[Any, ...]],
    runs: list[tuple[Any, ...]],
    lags: dict[tuple[str, str], int],
    changes: list[tuple[Any, ...]],
) -> PartitionGroup:
    ours = [row[1:] for row in loads if row[0] == name]
    owners = [_ownership(*row[1:]) for row in runs if row[0] == name]
    whole = sum(row[1] for row in ours)
    rebalances = [_rebalance(*row[1:]) for row in changes if row[0] in {name, ""}]
    return {
        "name": name or None,
        "partitions": [_partition(row, kept, whole, len(ours), lags.get((name, row[0]))) for row in ours],
        "owners": owners[-MOST_OWNERS:],
        "rebalances": rebalances[:MOST_REBALANCES][::-1],
        "left_off": {"owners": len(owners[:-MOST_OWNERS]), "rebalances": len(rebalances[MOST_REBALANCES:])},
    }


def _partition(row: tuple[Any, ...], kept: float, whole: int, number: int, lag: int | None) -> Partition:
    name, count, service, instance = row
    return {
        "partition": name,
        "owner": service,
        "instance": instance,
        "rate": count / kept,
        "share": count / whole if whole else 0.0,
        "lag": lag,
        "hot": count > 0 and number > 1 and count >= min(HOT, number) * whole / number,
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
