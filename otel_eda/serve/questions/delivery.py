"""What has become of the messages that were sent in a time."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, get_args

from otel_eda.diagnosis.facts import SHORTEST_GRACE_SECONDS
from otel_eda.diagnosis.settings import SECOND
from otel_eda.serve.contract.answers import MessageState

from .asking import MOST_SERIES, QuestionError
from .joined import FATES

if TYPE_CHECKING:
    from otel_eda.serve.contract.answers import (
        DeliveredMessage,
        DeliveryAnswer,
        DeliverySeries,
        Interval,
        MessagesAnswer,
    )

    from .asking import Asked, Reader, Time

MOST_MESSAGES = 1000
STATES = ("unsent", "processed", "failed", "under_way", "lost")
COUNTED = f"""{FATES}
SELECT destination, any_value(system), reader, any_value(grace), started // $step AS slot,
       {", ".join(f"count(*) FILTER (state = '{state}')" for state in STATES)}
FROM fates WHERE $all_groups OR coalesce(reader, '') = $reader
GROUP BY destination, reader, slot ORDER BY destination, reader NULLS FIRST, slot
"""
LISTED = f"""{FATES}
SELECT state, started, service, trace_id, span_id, message_id, correlation_id, partition_id, message_offset, key_hash,
       coalesce(attempts, 0), last_ended, coalesce(work_error, error), count(*) OVER ()
FROM fates
WHERE ($all_groups OR coalesce(reader, '') = $reader) AND ($state IS NULL OR state = $state
      OR ($state = 'sent' AND state <> 'unsent'))
ORDER BY started LIMIT $most
"""


def delivery(reader: Reader, asked: Asked) -> DeliveryAnswer:
    """Return how many messages were sent in each interval, and what has become of them."""
    time = asked.time()
    step = asked.step(time)
    with reader.tables(time, later=True) as tables:
        rows = tables.ask(COUNTED, {**_parameters(reader, asked, time), "step": round(step * SECOND)})
    by_place: dict[tuple[str, str | None], list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        by_place[row[0], row[2]].append(row)
    series = [_series(found, time, step) for found in by_place.values()]
    series.sort(key=lambda one: -one["total"]["sent"])
    return {
        "since": time.since,
        "until": time.until,
        "step": step,
        "series": series[:MOST_SERIES],
        "left_off": len(series[MOST_SERIES:]),
    }


def messages(reader: Reader, asked: Asked) -> MessagesAnswer:
    """Return the messages that were sent in a time, and are in a state now."""
    time, state = asked.time(), asked.text("state")
    if state is not None and state not in get_args(MessageState):
        raise QuestionError(f"state has to be one of {', '.join(get_args(MessageState))}")
    most = asked.number("limit", 200, 1, MOST_MESSAGES)
    with reader.tables(time, later=True) as tables:
        rows = tables.ask(LISTED, {**_parameters(reader, asked, time), "state": state, "most": most})
    return {"number": rows[0][-1] if rows else 0, "messages": [_message(row) for row in rows]}


def _parameters(reader: Reader, asked: Asked, time: Time) -> dict[str, Any]:
    since, until = time.nanoseconds
    known = [key for key in reader.board.seen if key.type == "process"]
    group = asked.text("group")
    return {
        "since": since,
        "until": until,
        "now": int(asked.now * SECOND),
        "destination": asked.text("destination"),
        "all_groups": group is None,
        "reader": group or "",
        "known_destinations": [key.destination for key in known],
        "known_readers": [key.group for key in known],
        "grace": None if reader.grace is None else int(reader.grace * SECOND),
        "least_grace": int(SHORTEST_GRACE_SECONDS * SECOND),
    }


def _series(rows: list[tuple[Any, ...]], time: Time, step: float) -> DeliverySeries:
    destination, system, group, grace = rows[0][:4]
    counts = {row[4]: row[5:] for row in rows}
    slots = range(int(time.since // step), int(-(-time.until // step)))
    total = [sum(numbers) for numbers in zip(*counts.values(), strict=True)]
    return {
        "destination": destination,
        "system": system,
        "group": group,
        "grace": grace / SECOND,
        "intervals": [_interval(slot * step, counts.get(slot, (0,) * len(STATES))) for slot in slots],
        "total": _interval(time.since, total),
    }


def _interval(time: float, numbers: Any) -> Interval:
    unsent, processed, failed, under_way, lost = numbers
    return {
        "time": time,
        "sent": processed + failed + under_way + lost,
        "unsent": unsent,
        "processed": processed,
        "failed": failed,
        "under_way": under_way,
        "lost": lost,
    }


def _message(row: tuple[Any, ...]) -> DeliveredMessage:
    (
        state, started, service, trace_id, span_id, message_id, correlation_id, partition, offset, key,
        attempts, ended, error, _,
    ) = row  # fmt: skip
    return {
        "state": state,
        "sent_at": started / SECOND,
        "service": service,
        "trace_id": trace_id,
        "span_id": span_id,
        "message_id": message_id,
        "correlation_id": correlation_id,
        "partition": partition,
        "offset": offset,
        "key": key,
        "attempts": attempts,
        "processed_at": ended / SECOND if ended and state == "processed" else None,
        "error": error,
    }
