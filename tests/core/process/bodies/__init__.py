"""Bodies of loops, with what the process span of their last message says; the spans before it are always done."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from core.common import ABANDONED, DONE, EXACT, FAILED
from core.process.bodies import done, failing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from core.tinyqueue import Record

    Messages = Iterable[Record]
    Body = Callable[[Messages], object]

LEFT: list[tuple[Body, str]] = [
    *(
        (body, DONE)
        for body in (
            done.to_the_end,
            done.to_the_end_with_an_else,
            done.break_,
            done.break_in_a_condition,
            done.return_,
            done.return_a_constant,
            done.return_a_call,
            done.break_in_try_finally,
            done.break_in_try_except,
            done.break_out_of_with,
            done.return_out_of_with,
            done.return_in_try_finally,
            done.break_in_a_loop_within,
            done.return_in_a_loop_within,
            done.handled_and_on,
            done.handled_and_break,
            done.handled_and_return,
            done.suppressed_and_break,
            done.handled_deep_within,
        )
    ),
    *(
        (body, FAILED)
        for body in (
            failing.raised,
            failing.raised_beneath,
            failing.raised_and_handled_around,
            failing.raised_and_suppressed_around,
            failing.raised_in_with,
            failing.raised_in_try_finally,
            failing.raised_again,
            failing.raised_while_another_is_handled,
            failing.raised_in_a_loop_within,
            failing.raised_in_a_coroutine,
        )
    ),
    (failing.a_generator_thrown_into, FAILED if EXACT else ABANDONED),
    *(
        (body, ABANDONED)
        for body in (failing.a_generator_closed, failing.a_generator_dropped, failing.a_coroutine_closed)
    ),
]


def run(body: Body, messages: Messages) -> None:
    """Run a body, and drop the exception that it may raise."""
    with suppress(ValueError):
        body(messages)
