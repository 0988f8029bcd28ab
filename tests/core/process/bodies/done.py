"""Bodies of loops that are left without an exception."""

# ruff: noqa: PERF203  # bodies that handle exceptions are what this is about
from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from core.tinyqueue import Record

    Messages = Iterable[Record]


@contextmanager
def entered() -> Iterator[None]:
    yield


def complain() -> None:
    raise ValueError


def to_the_end(messages: Messages) -> None:
    for _ in messages:
        pass


def to_the_end_with_an_else(messages: Messages) -> str:
    for _ in messages:
        continue
    else:  # noqa: PLW0120
        return "end"


def break_(messages: Messages) -> None:
    for _ in messages:
        break


def break_in_a_condition(messages: Messages) -> None:
    for message in messages:
        if message.offset == 0:
            break
    else:
        raise AssertionError


def return_(messages: Messages) -> Record | None:
    for message in messages:
        return message
    return None


def return_a_constant(messages: Messages) -> int:
    for _ in messages:
        return 1
    return 2


def return_a_call(messages: Messages) -> str | None:
    for message in messages:
        return str(message.value)
    return None


def break_in_try_finally(messages: Messages) -> list[int]:
    done: list[int] = []
    for message in messages:
        try:
            if message.offset == 0:
                break
        finally:
            done.append(1)
    return done


def break_in_try_except(messages: Messages) -> None:
    for _ in messages:
        try:
            break
        except ValueError:
            raise


def break_out_of_with(messages: Messages) -> None:
    for _ in messages:
        with entered():
            break


def return_out_of_with(messages: Messages) -> int:
    for _ in messages:
        with entered():
            return 1
    return 2


def return_in_try_finally(messages: Messages) -> list[int] | None:
    done: list[int] = []
    for _ in messages:
        try:
            return done
        finally:
            done.append(1)
    return None


def break_in_a_loop_within(messages: Messages) -> None:
    for _ in messages:
        for number in (1, 2):
            if number:
                break


def return_in_a_loop_within(messages: Messages) -> int:
    for _ in messages:
        for number in (1, 2):
            if number:
                return number
    return 0


def handled_and_on(messages: Messages) -> None:
    for _ in messages:
        try:
            complain()
        except ValueError:
            continue


def handled_and_break(messages: Messages) -> None:
    for _ in messages:
        try:
            complain()
        except ValueError:
            break


def handled_and_return(messages: Messages) -> int:
    for _ in messages:
        try:
            complain()
        except ValueError as error:
            return len(error.args)
    return 1


def suppressed_and_break(messages: Messages) -> None:
    for _ in messages:
        with suppress(ValueError):
            complain()
        break


def handled_deep_within(messages: Messages) -> None:
    def harmless() -> None:
        with suppress(ValueError):
            complain()

    for _ in messages:
        harmless()
        break
