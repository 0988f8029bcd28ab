"""Interrupts (Ctrl-C, SIGINT) and terminations (SIGTERM) of a command: both are taken alike."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def raised() -> Iterator[None]:
    """Raise `KeyboardInterrupt` in the block on either signal, so that the block can clean up."""
    with _handled(_raise):
        yield


@contextmanager
def announced() -> Iterator[threading.Event]:
    """Yield an event that the first signal sets; a second signal raises `KeyboardInterrupt`."""
    event = threading.Event()

    def announce() -> None:
        if event.is_set():
            _raise()
        event.set()

    with _handled(announce):
        yield event


@contextmanager
def deferred() -> Iterator[None]:
    """Raise `KeyboardInterrupt` for a signal that came within the block at the end of the block."""
    event = threading.Event()
    with _handled(event.set):
        yield
    if event.is_set():
        _raise()


def _raise() -> None:
    raise KeyboardInterrupt


@contextmanager
def _handled(handler: Callable[[], None]) -> Iterator[None]:
    """Call the handler on either signal; outside the main thread, which alone gets signals, change nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: handler()) for number in SIGNALS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
