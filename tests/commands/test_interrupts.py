"""Interrupts and terminations: taken alike, and put back as they were."""

from __future__ import annotations

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from otel_eda import interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.parametrize("number", interrupts.SIGNALS, ids=lambda number: number.name)


@contextmanager
def unchanged() -> Iterator[None]:
    """Have the handlers after the block be those of before it."""
    before = [signal.getsignal(number) for number in interrupts.SIGNALS]
    yield
    assert [signal.getsignal(number) for number in interrupts.SIGNALS] == before


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def test_a_signal_is_raised(number: signal.Signals) -> None:
    with unchanged(), pytest.raises(KeyboardInterrupt), interrupts.raised():
        send(number)


def test_a_signal_that_comes_where_python_ignores_exceptions_is_raised_after_that(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    class Held:
        def __del__(self) -> None:
            send(number)

    hook = sys.unraisablehook

    def lose_it() -> None:
        held = Held()
        del held
        time.sleep(10)

    began = time.monotonic()
    with unchanged(), pytest.raises(KeyboardInterrupt), interrupts.raised():
        lose_it()
    assert time.monotonic() - began < 5
    assert sys.unraisablehook is hook
    assert capsys.readouterr().err == ""


def test_the_first_signal_is_announced_and_the_second_one_raised(number: signal.Signals) -> None:
    with unchanged(), interrupts.announced() as came:
        assert not came.is_set()
        send(number)
        assert came.is_set()
        with pytest.raises(KeyboardInterrupt):
            send(number)


def test_a_signal_is_deferred_to_the_end_of_a_block(number: signal.Signals) -> None:
    with unchanged(), ExitStack() as stack:
        stack.enter_context(interrupts.deferred())
        send(number)
        with pytest.raises(KeyboardInterrupt):
            stack.close()


def test_without_a_signal_nothing_is_raised(number: signal.Signals) -> None:
    with unchanged():
        with interrupts.raised(), interrupts.deferred(), interrupts.announced() as came:
            pass
        assert not came.is_set()


def test_another_thread_changes_nothing(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def within() -> object:
        with interrupts.raised(), interrupts.deferred(), interrupts.announced():
            return signal.getsignal(number)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(within).result() is before
