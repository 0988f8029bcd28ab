"""Bodies of loops that an exception leaves, and bodies that nobody goes on with."""

# ruff: noqa: PERF203  # bodies that handle exceptions are what this is about
from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from core.process.bodies.done import complain, entered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from core.tinyqueue import Record

    Messages = Iterable[Record]


def raised(messages: Messages) -> None:
    for _ in messages:
        raise ValueError


def raised_beneath(messages: Messages) -> None:
    for _ in messages:
        complain()


def raised_and_handled_around(messages: Messages) -> None:
    try:
        for _ in messages:
            complain()
    except ValueError:
        return


def raised_and_suppressed_around(messages: Messages) -> None:
    with suppress(ValueError):
        for _ in messages:
            complain()


def raised_in_with(messages: Messages) -> None:
    for _ in messages:
        with entered():
            complain()


def raised_in_try_finally(messages: Messages) -> None:
    done = []
    for _ in messages:
        try:
            complain()
        finally:
            done.append(1)


def raised_again(messages: Messages) -> None:
    for _ in messages:
        try:
            complain()
        except ValueError:
            raise


def raised_while_another_is_handled(messages: Messages) -> None:
    for _ in messages:
        try:
            raise KeyError
        except KeyError:
            complain()


def raised_in_a_loop_within(messages: Messages) -> None:
    for _ in messages:
        for number in (1, 2):
            int("no number" * number)


def raised_in_a_coroutine(messages: Messages) -> None:
    async def run() -> None:
        for _ in messages:
            await asyncio.sleep(0)
            complain()

    asyncio.run(run())


def a_generator_closed(messages: Messages) -> None:
    def generate() -> Iterator[Record]:
        for message in messages:  # noqa: UP028
            yield message

    generator = generate()
    next(generator)
    generator.close()  # type: ignore[attr-defined]


def a_generator_dropped(messages: Messages) -> None:
    def generate() -> Iterator[Record]:
        for message in messages:  # noqa: UP028
            yield message

    next(generate())
    gc.collect()


def a_generator_thrown_into(messages: Messages) -> None:
    def generate() -> Iterator[Record]:
        for message in messages:  # noqa: UP028
            yield message

    generator: Any = generate()
    next(generator)
    generator.throw(ValueError())


def a_coroutine_closed(messages: Messages) -> None:
    async def run() -> None:
        for _ in messages:
            await asyncio.sleep(0)

    coroutine = run()
    coroutine.send(None)
    coroutine.close()
