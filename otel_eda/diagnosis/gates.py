"""The conditions of a proof, each written once: when it holds for a candidate, and what is said of it.

A condition is true where it holds, false where it is known not to (then the candidate is none), NULL where it cannot be
told: missing telemetry is never evidence, so a finding drops a level for every gate that is open.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """One gate: its SQL over a candidate `c` and what is joined to it, and what it means if held and if open."""

    sql: str
    held: str
    open: str


# `k` how complete the destination's telemetry is, `e` its epochs, `v` the service's own last sign, `b` and `a` the
# group's nearest messages before and after in the same partition, `s` the settings.
CONDITIONS = {
    "G1": Condition(
        "CASE WHEN k.until >= c.last_time AND k.since <= coalesce(c.first_time, c.last_time) THEN true END",
        "every process's metrics count no more messages than there are spans",
        "spans are missing, or no metrics tell that none are",
    ),
    "G2": Condition(
        "CASE WHEN k.sampled THEN true END",
        "metrics show that every message was sampled on both sides",
        "it is not known whether both sides sampled this message",
    ),
    "G3": Condition(
        "v.last_time - c.last_time > s.grace",
        "longer ago than any message has needed",
        "",
    ),
    "G4": Condition(
        "CASE WHEN e.one THEN true END",
        "all clients name the same broker",
        "it is not certain that it was the same cluster and topic all the time",
    ),
    "G5": Condition(
        "CASE WHEN c.host = c.other_host THEN true END",
        "times of one machine are compared, or the least that two clocks allow",
        "times of two machines are compared",
    ),
    "G6": Condition(
        """CASE WHEN b.instance = a.instance AND NOT EXISTS (
               SELECT 1 FROM handovers h
               WHERE h.consumer_group = c.consumer_group AND h.destination = c.destination
                 AND h.partition_id = c.partition_id
                 AND h.time BETWEEN least(b.started, a.started) AND greatest(b.started, a.started)) THEN true END""",
        "the same member had the partition before and after, and no member told of a change",
        "the partition may have changed hands meanwhile",
    ),
    "G7": Condition(
        "CASE WHEN b.message_offset IS NOT NULL THEN true END",
        "the group read this partition from further back",
        "the group may have begun to read later",
    ),
    "G8": Condition(
        "NULL",
        "the message was delivered, so the group could see it",
        "the group may not have been able to see it: compacted, or of an aborted transaction",
    ),
    "G9": Condition(
        "CASE WHEN b.instance IS NOT NULL AND a.instance IS NOT NULL THEN true END",
        "the messages around it were processed by members that are instrumented",
        "a member without instrumentation may have processed it",
    ),
}


def sql(code: str, own: set[str]) -> str:
    """Write a gate for a candidate; a check may know better and give a column of the gate's name."""
    condition = CONDITIONS[code].sql
    name = code.lower()
    return f"coalesce(c.{name}, ({condition}))" if name in own else f"({condition})"
