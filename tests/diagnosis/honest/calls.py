"""Failed attempts that call something which may keep the message: a table, or a service of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnosis.telemetry import flow

from .world import honest

if TYPE_CHECKING:
    from diagnosis.telemetry import Telemetry

FAILED = 12


def calling(call: str | None, *, always: bool = False) -> Telemetry:
    """Orders, each with queries; one fails, and is committed past. It calls something, or every order does."""
    made = flow(40, 1, skip=set(range(40)))
    for turn, message in enumerate(made.messages):
        at, failed = turn * 0.1 + 0.01, turn == FAILED
        work = made.billing.process(message, at, 0.02, error="ValueError" if failed else None)
        calls = ["SELECT shop.orders", "UPDATE shop.orders", *([call] if call and (failed or always) else [])]
        for place, name in enumerate(calls):
            made.billing.other(name, at + 0.002 + place * 0.004, 0.002, work, kind=3)
        made.billing.commit("orders", at + 0.03, turn + 1)
    return made.world


@honest("EDA104")
def what_failed_is_put_into_a_table_of_any_name() -> Telemetry:
    return calling("INSERT shop.inbox_later")


@honest("EDA104")
def what_failed_becomes_a_ticket() -> Telemetry:
    return calling("POST")


@honest("EDA104")
def what_failed_is_written_by_the_same_query_once_more() -> Telemetry:
    return calling("UPDATE shop.orders")
