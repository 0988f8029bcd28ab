from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aio_pika
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from brokers.rabbitmq import RabbitMQ

PATIENCE = 30.0  # seconds


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Keep the libraries from logging the tests' own exceptions, which went through our frames."""
    for name in ("aiormq", "asyncio", "aio_pika"):
        caplog.set_level(logging.CRITICAL, name)


@pytest.fixture(params=["connect", "connect_robust"])
def connect(request: pytest.FixtureRequest) -> Any:
    """The function that makes a connection, of the ordinary kind and of the robust kind."""
    return getattr(aio_pika, request.param)


class Broker:
    """The broker, and how to get a channel of it."""

    def __init__(self, rabbitmq: RabbitMQ, connect: Callable[..., Awaitable[Any]] = aio_pika.connect) -> None:
        self.rabbitmq = rabbitmq
        self.connect = connect
        self.url = f"amqp://guest:guest@{rabbitmq.address}/?name=client-7"

    @asynccontextmanager
    async def channel(self, prefetch: int = 10, **options: Any) -> AsyncIterator[Any]:
        """Have a channel on a connection of its own."""
        async with await self.connect(self.url) as connection:
            channel = await connection.channel(**options)
            await channel.set_qos(prefetch)
            yield channel

    @asynccontextmanager
    async def queue(self, name: str | None = None, **options: Any) -> AsyncIterator[Any]:
        """Have a queue on a channel of its own."""
        async with self.channel(**options) as channel:
            yield await channel.get_queue(name or self.rabbitmq.queue())


@pytest.fixture
def broker(rabbitmq: RabbitMQ) -> Broker:
    return Broker(rabbitmq)


@pytest.fixture
def either(rabbitmq: RabbitMQ, connect: Any) -> Broker:
    """The broker by connections of both kinds."""
    return Broker(rabbitmq, connect)


def run(main: Coroutine[Any, Any, Any], patience: float = PATIENCE) -> Any:
    """Run a coroutine in a loop of its own, which does not tell of the tasks' exceptions."""

    async def quietly() -> Any:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        return await asyncio.wait_for(main, patience)

    return asyncio.run(quietly())


async def send(queue: Any, *bodies: bytes, **options: Any) -> None:
    """Send messages to a queue."""
    for body in bodies:
        await queue.channel.default_exchange.publish(aio_pika.Message(body, **options), queue.name)
