"""An event loop for a client whose words are coroutines, behind a test that is none."""

from __future__ import annotations

import asyncio
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from support.waiting import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class EventLoop:
    """Runs in a thread of its own, so that other clients can be used by what it calls, and answers come at any time.

    A coroutine is a task of its own, in a copy of the caller's context.
    """

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_run, args=(self.loop,), name="event loop", daemon=True)
        thread.start()
        self._end = weakref.finalize(self, _end, self.loop, thread)

    def run(self, coroutine: Coroutine[Any, Any, T], patience: float = 60.0) -> T:
        """Give what it returns, raise what it raises."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(patience)

    def visit(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Do the same for one that calls the test's code, which may raise anything."""
        error = self.run(_caught(coroutine))
        if error is not None:
            raise error


def _run(loop: asyncio.AbstractEventLoop) -> None:
    ended = False
    while not ended:
        with suppress(SystemExit, KeyboardInterrupt):  # some task has raised it
            loop.run_forever()
            ended = True


async def _caught(coroutine: Coroutine[Any, Any, object]) -> BaseException | None:
    try:
        await coroutine
    except BaseException as error:
        return error  # an event loop ends with some of them
    return None


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    if thread is not threading.current_thread():
        thread.join(TIMEOUT)
        if not thread.is_alive():  # else a test has failed in it
            loop.close()
