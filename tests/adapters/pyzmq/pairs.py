"""Two asynchronous sockets, and how to run what uses them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import zmq
import zmq.asyncio

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from adapters.pyzmq.conftest import Sockets

    Socket = zmq.asyncio.Socket


class Pair:
    """Two asynchronous sockets within the process."""

    def __init__(self, sockets: Sockets, binds: int = zmq.PULL, connects: int = zmq.PUSH, **options: Any) -> None:
        far, near = sockets.pair(binds, connects, **options)
        far.rcvtimeo = near.sndtimeo = -1
        self.far, self.near = zmq.asyncio.Socket(far), zmq.asyncio.Socket(near)

    def __enter__(self) -> tuple[Socket, Socket]:
        return self.far, self.near

    def __exit__(self, *_: object) -> None:
        self.far.close(0)
        self.near.close(0)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 20))
