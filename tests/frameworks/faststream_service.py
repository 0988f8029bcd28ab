"""A service on FastStream, and what came of its messages."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import attribute, current, failed

from frameworks.test_faststream import PATIENCE, on_aiokafka, on_confluent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import TypeAlias

    from opentelemetry.sdk.trace import ReadableSpan

    from frameworks.test_faststream import Broker

    Made: TypeAlias = Callable[[pytest.FixtureRequest], Broker]

KAFKA = pytest.mark.parametrize("made", [on_aiokafka, on_confluent])
NAME = f"{__name__}.Service.handle"


class Service:
    """Handles the messages of a destination; `act` is what it does with each."""

    def __init__(self, broker: Broker, act: Callable[[str], Any]) -> None:
        self.broker, self.options, self.make = broker
        self.destination, self.act = self.make(), act
        self.seen: list[str] = []
        self.current: list[Any] = []

    async def handle(self, body: str) -> Any:
        self.seen.append(body)
        self.current.append(current())
        result = self.act(body)
        return await result if asyncio.iscoroutine(result) else result

    @asynccontextmanager
    async def running(self, *bodies: str, seen: int | None = None, **options: Any) -> AsyncIterator[None]:
        """Run until the handler has seen that many messages, by default as many as there are."""
        subscriber = self.broker.subscriber(self.destination, **self.options, **options)
        subscriber(self.handle)
        async with self.broker:
            await self.broker.start()
            for body in bodies:
                await self.broker.publish(body, self.destination)
            await until(lambda: len(self.seen) >= (len(bodies) if seen is None else seen))
            yield

    async def run(self, *bodies: str, **options: Any) -> None:
        async with self.running(*bodies, **options):
            pass


async def until(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0.01)


def raising(error: BaseException | None, body: str = "first") -> Callable[[str], None]:
    """Raise at one message."""
    tries: list[str] = []

    def act(given: str) -> None:
        tries.append(given)
        if error is not None and given == body and tries.count(body) == 1:
            raise error

    return act


def outcome(span: ReadableSpan) -> object:
    error, abandoned = attribute(span, "error.type"), attribute(span, "eda.process.abandoned")
    assert failed(span) is (error is not None)
    return error or ("abandoned" if abandoned else "done")


def run(service: Service, *bodies: str, **options: Any) -> None:
    asyncio.run(asyncio.wait_for(service.run(*bodies, **options), PATIENCE))
