"""Sends the same picture to everybody who looks, once a second: it is drawn and written once, whoever looks."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Receive, Scope, Send

MOST_VIEWERS = 50
EVERY_SECONDS = 1.0
SILENCE_SECONDS = 15.0  # after which a comment says that the connection lives
HELLO = b"retry: 2000\n\n"
STILL_HERE = b": still here\n\n"

_log = logging.getLogger("otel_eda")


class Viewers:
    """Those who look at the picture that `draw` makes, as JSON."""

    def __init__(self, draw: Callable[[int], bytes], most: int = MOST_VIEWERS) -> None:
        self.draw, self.most = draw, most
        self.number = 0
        self.version = 0
        self.drawn = 0.0
        self.latest = b""
        self.changed = asyncio.Event()
        self.drawing = asyncio.Lock()
        self.ended = False

    async def state(self) -> bytes:
        """Return the picture, which is not older than a second."""
        async with self.drawing:
            if time.monotonic() - self.drawn >= EVERY_SECONDS:
                self.latest = await run_in_threadpool(self.draw, self.version + 1)
                self.version += 1
                self.drawn = time.monotonic()
        return self.latest

    async def run(self) -> None:
        """Draw once a second as long as somebody looks; what goes wrong once may go well the next time."""
        while not self.ended:
            if self.number:
                try:
                    await self.state()
                except Exception:  # noqa: BLE001  # the next picture may be better
                    _log.exception("the page's picture could not be drawn")
            changed, self.changed = self.changed, asyncio.Event()
            changed.set()
            await asyncio.sleep(EVERY_SECONDS)
        self.changed.set()

    def end(self) -> None:
        """Let everybody go, within a second; from any thread."""
        self.ended = True

    @property
    def full(self) -> bool:
        """Whether there are as many viewers as there may be."""
        return self.number >= self.most

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the pictures as server-sent events."""
        shown, told = 0, time.monotonic()
        yield HELLO
        with suppress(Exception):  # `run` tries again, and tells
            await self.state()
        while not self.ended:
            if self.version != shown:
                shown, told = self.version, time.monotonic()
                yield b"event: state\nid: %d\ndata: %b\n\n" % (shown, self.latest)
            elif time.monotonic() - told > SILENCE_SECONDS:
                told = time.monotonic()
                yield STILL_HERE
            await self.changed.wait()


class Stream(StreamingResponse):
    """The answer to one viewer, who counts as long as it lasts."""

    def __init__(self, viewers: Viewers) -> None:
        super().__init__(viewers.stream(), media_type="text/event-stream")
        self.viewers = viewers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send pictures until the viewer goes."""
        self.viewers.number += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.viewers.number -= 1
