"""pyzmq's asynchronous sockets: their calls give futures."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

import zmq
import zmq.asyncio
from support.eventloop import EventLoop
from zmq._future import _AsyncSocket

from drivers import pyzmq
from drivers.base import (
    AsyncConsumer,
    By,
    Driver,
    Message,
    Pending,
    Producer,
    Reading,
    Receipt,
    Received,
    Sending,
    Shape,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterable, Callable, Mapping

    from drivers.base import BadCall


# What would wait for ever to be told that it is wrong.
ENDLESS = {"recv: from a socket that sends", "send: to a socket that receives", "poll: a word"}


def socket(kind: int, client: str | None) -> Any:
    """Make a socket in the context of the others."""
    kind_of: Any = zmq.asyncio.Socket
    made: Any = pyzmq.CONTEXT.socket(kind, socket_class=kind_of)
    made.setsockopt(zmq.RECONNECT_IVL, pyzmq.RECONNECT)
    if client:
        made.setsockopt(zmq.IDENTITY, client.encode())
    return made


class Sent(Pending):
    def __init__(self, native: asyncio.Future[Any], events: EventLoop) -> None:
        self.native = native
        self.events = events

    def wait(self) -> Receipt:
        return Receipt(self.events.run(awaited(lambda: self.native)), None, None)


async def awaited(call: Callable[[], Any]) -> Any:
    """Give what a call gives at last."""
    result = call()
    return await result if inspect.isawaitable(result) else result


class PushProducer(Producer):
    def __init__(self, address: str, endpoint: str, how: Sending) -> None:  # noqa: ARG002
        self.events = EventLoop()
        self.native: Any = self.events.run(awaited(lambda: socket(zmq.PUSH, how.client)))
        self.native.connect(endpoint)

    def send(self, message: Message, by: By = By.HABIT) -> Pending:
        body = message.value or b""
        calls: dict[By, Callable[[], Any]] = {
            By.POSITION: lambda: self.native.send(body, 0, True, False),
            By.NAME: lambda: self.native.send(data=body, flags=0, copy=True, track=False),
            By.HABIT: lambda: self.native.send(body),
        }
        return Sent(self.events.run(self._called(calls[by])), self.events)

    @staticmethod
    async def _called(call: Callable[[], Any]) -> Any:
        return call()

    def flush(self) -> None:
        """Do nothing: all is on its way."""

    def close(self) -> None:
        self.events.run(awaited(self.native.close))


class PullConsumer(AsyncConsumer):
    def __init__(self, address: str, endpoints: tuple[str, ...], how: Reading) -> None:  # noqa: ARG002
        super().__init__()
        self.endpoint = endpoints[0]
        self.native: Any = self.events.run(awaited(lambda: socket(zmq.PULL, how.client)))
        self.native.setsockopt(zmq.RCVTIMEO, int(how.patience * 1000))
        for endpoint in endpoints:
            pyzmq.bind(self.native, endpoint)

    def read(self, native: Any) -> Received:
        return Received(native, self.endpoint, native, None, (), None, None)

    def close(self) -> None:
        self.events.run(awaited(self.native.close))

    def iterator(self) -> AsyncIterable[Any]:
        raise NotImplementedError

    async def one(self) -> Any:
        try:
            return await self.native.recv()
        except zmq.Again:
            raise TimeoutError("a message was to come") from None


class PyzmqAsyncio(pyzmq.Pyzmq):
    name: ClassVar = "pyzmq asyncio"
    producers: ClassVar = PushProducer
    consumers: ClassVar = PullConsumer
    cannot: ClassVar = {**pyzmq.Pyzmq.cannot, Shape.ASYNC: "a socket is not iterable"}
    classes: ClassVar = (zmq.Socket, _AsyncSocket)
    sender: ClassVar = (_AsyncSocket, "send")

    def bad_calls(self, destination: str) -> Mapping[str, BadCall]:
        def inside(call: BadCall) -> BadCall:
            return lambda producer, consumer: producer.events.run(  # type: ignore[attr-defined]  # both are of ours
                awaited(lambda: call(producer, consumer))
            )

        calls = super().bad_calls(destination).items()
        return {name: inside(call) for name, call in calls if name not in ENDLESS}


DRIVER: Driver = PyzmqAsyncio()
