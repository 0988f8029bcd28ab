"""The conditions of a proof: the SQL of each, and the sentences that a report shows for it.

A condition is true where it holds. It is false where it is known not to hold: then there is no finding. It is NULL
where nobody can know: missing telemetry is never evidence, so a finding drops a level for every gate that is open.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """One gate: its SQL over a candidate `c` and the tables joined to it, and what it means if it is held or open."""

    sql: str
    held: str
    open: str


# The tables: `k` is how complete the destination's telemetry is, `e` its epochs, `v` the last span of the service, `b`
# and `a` the group's nearest messages before and after in the same partition, `s` the settings, `n` the destination's
# grace.
CONDITIONS = {
    "G1": Condition(
        "CASE WHEN k.until >= c.last_time AND k.since <= coalesce(c.first_time, c.last_time) THEN true END",
        "the metrics of every process count no more messages than there are spans",
        "spans are missing, or there are no metrics that show that none are missing",
    ),
    "G2": Condition(
        "CASE WHEN k.sampled THEN true END",
        "metrics show that every message was sampled on both sides",
        "it is not known whether both sides sampled this message",
    ),
    "G3": Condition(
        "v.last_time - c.last_time > coalesce(n.grace, s.grace)",
        "it happened longer ago than any message took",
        "",
    ),
    "G4": Condition(
        "CASE WHEN e.one THEN true END",
        "all clients name the same broker",
        "it may not have been the same cluster and topic all the time",
    ),
    "G5": Condition(
        "CASE WHEN c.host = c.other_host THEN true END",
        "the times are of one machine, or the comparison allows for the difference of two clocks",
        "the times are of two machines, whose clocks may differ",
    ),
    "G6": Condition(
        """CASE WHEN b.instance = a.instance AND NOT EXISTS (
               SELECT 1 FROM handovers h
               WHERE h.consumer_group = c.consumer_group AND h.destination = c.destination
                 AND h.partition_id = c.partition_id
                 AND h.time BETWEEN least(b.started, a.started) AND greatest(b.started, a.started))
             AND NOT EXISTS (
               SELECT 1 FROM restarts r
               WHERE r.instance = a.instance
                 AND r.time BETWEEN least(b.started, a.started) AND greatest(b.started, a.started)) THEN true END""",
        "the same member had the partition before and after, and no member reported a change",
        "the partition may have moved to another member in between",
    ),
    "G7": Condition(
        "CASE WHEN b.message_offset IS NOT NULL THEN true END",
        "the group read earlier messages of this partition",
        "the group may have begun to read after this message",
    ),
    "G8": Condition(
        "NULL",
        "the message was delivered, so the group could see it",
        "the group may not have been able to see the message: it may be compacted, or of an aborted transaction",
    ),
    "G9": Condition(
        "CASE WHEN b.instance IS NOT NULL AND a.instance IS NOT NULL THEN true END",
        "instrumented members processed the messages before and after it",
        "a member without instrumentation may have processed it",
    ),
}


def sql(code: str) -> str:
    """Return the SQL of a gate; what a check itself says of it comes first."""
    return f"coalesce(c.{code.lower()}, ({CONDITIONS[code].sql}))"
