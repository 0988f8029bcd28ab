"""Interrupts (Ctrl-C, SIGINT) and terminations (SIGTERM) of a command: both are taken alike."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = 130  # as a shell has it of a program that SIGINT ends
STOPPED = "stopped"
PATIENCE = 0.5  # seconds
SOON = 0.01  # seconds


@contextmanager
def raised() -> Iterator[None]:
    """Raise `KeyboardInterrupt` in the block on either signal, so that the block can clean up."""
    with _handled(_raise), _raised_again():
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


@contextmanager
def enforced(folder: Path) -> Iterator[None]:
    """End the process at a signal even if the block does not come to its end for `PATIENCE` seconds, as C code may not.

    Nothing cleans up then, so this deletes the folder. Outside the main thread it changes nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    import socket  # here, as below: until the command is imported, an interrupt is a traceback

    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(target=_enforce, args=(ours, folder), daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        theirs.close()
        thread.join()
        ours.close()


def _enforce(ours: socket.socket, folder: Path) -> None:
    while number := ours.recv(1):
        if number[0] in SIGNALS:
            ours.settimeout(PATIENCE)
            break
    else:
        return
    try:
        while ours.recv(1):
            pass
    except TimeoutError:
        import shutil

        while folder.exists():  # to which something may still be written
            shutil.rmtree(folder, ignore_errors=True)
        os.write(sys.stderr.fileno(), f"otel-eda: {STOPPED}\n".encode())
        os._exit(INTERRUPTED)


def _raise() -> None:
    raise KeyboardInterrupt


@contextmanager
def _raised_again() -> Iterator[None]:
    """Raise an interrupt once more that Python ignored, as it does in finalizers and callbacks of weak references."""
    before = sys.unraisablehook

    def hook(ignored: sys.UnraisableHookArgs) -> None:
        if isinstance(ignored.exc_value, KeyboardInterrupt):
            timer = threading.Timer(SOON, _signal_main)  # when what ignores exceptions is over
            timer.daemon = True
            timer.start()
        else:
            before(ignored)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def _signal_main() -> None:
    """Send an interrupt to the main thread itself, so that it ends its sleep."""
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGINT)
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


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
