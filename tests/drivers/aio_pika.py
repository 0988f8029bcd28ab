"""aio-pika, 9.4 and later."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, ClassVar

import aio_pika
import aiormq
from aio_pika.queue import QueueIterator
from support.eventloop import EventLoop

from drivers._amqp import AmqpDriver
from drivers.base import (
    AsyncConsumer,
    By,
    Can,
    Consumer,
    Message,
    Pending,
    Producer,
    Reading,
    Receipt,
    Received,
    Sending,
    Shape,
    Verbs,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Coroutine, Mapping

    from drivers.base import BadCall, Body, Pairs

PAUSE = 0.02  # seconds
# They tell of exceptions that the tests raise.
for name in ("aiormq", "aio_pika", "asyncio"):
    logging.getLogger(name).setLevel(logging.CRITICAL)


class Connection:
    """A connection with one channel, in an event loop of its own."""

    def __init__(self, events: EventLoop, address: str, name: str | None, **options: Any) -> None:
        self.url = f"amqp://guest:guest@{address}/?name={name or 'tests'}"
        self.options = options
        self.events = events
        self.events.run(self._open())

    async def _open(self) -> None:
        self.native = await aio_pika.connect(self.url)
        self.channel = await self.native.channel(**self.options)

    def close(self) -> None:
        if not self.native.is_closed:
            self.events.run(self._close())

    async def _close(self) -> None:
        await self.channel.close()
        await self.native.close()


class Publication(Pending):
    def __init__(self, native: asyncio.Task[Any], events: EventLoop) -> None:
        self.native = native
        self.events = events

    async def _answer(self) -> Any:
        return await self.native

    def wait(self) -> Receipt:
        return Receipt(self.events.run(self._answer()), None, None)


class AioProducer(Producer):
    def __init__(self, address: str, queue: str, how: Sending) -> None:
        self.events = EventLoop()
        self.connection = Connection(self.events, address, how.client, publisher_confirms=how.acks)
        self.queue = queue
        self.native = self.connection.channel.default_exchange
        self.begun: list[asyncio.Task[Any]] = []

    def send(self, message: Message, by: By = By.HABIT) -> Pending:
        made = aio_pika.Message(message.value or b"", headers=message.headers)
        if by is By.NAME:
            return self._sent(self.native.publish(message=made, routing_key=self.queue))
        if by is By.POSITION:
            return self._sent(self.native.publish(made, self.queue))
        return self._sent(self.native.publish(made, routing_key=self.queue))

    def _sent(self, call: Coroutine[Any, Any, Any]) -> Pending:
        self.begun.append(self.events.run(_begun(call)))
        return Publication(self.begun[-1], self.events)

    def flush(self) -> None:
        self.events.run(self._flush())

    async def _flush(self) -> None:
        await asyncio.gather(*self.begun, return_exceptions=True)

    def close(self) -> None:
        self.connection.close()


async def _begun(call: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    task = asyncio.ensure_future(call)
    await asyncio.sleep(0)
    if task.done():
        task.result()  # raises what it raised at once
    return task


class AioConsumer(AsyncConsumer):
    def __init__(self, address: str, queues: tuple[str, ...], how: Reading) -> None:
        super().__init__()
        [queue] = queues
        self.connection = Connection(self.events, address, how.client)
        self.native = self.events.run(self.connection.channel.get_queue(queue))
        self.patience = how.patience
        self.last: Any = None
        self.unsettled = 0

    def read(self, native: Any) -> Received:
        if native is not self.last:
            self.last, self.unsettled = native, self.unsettled + 1
        headers = [(name, _decoded(value)) for name, value in native.headers.items()]
        return Received(native, native.routing_key, native.body, None, headers, None, None)

    def close(self) -> None:
        self.connection.close()

    def iterator(self) -> AsyncIterable[Any]:
        messages: AsyncIterable[Any] = self.native.iterator(timeout=self.patience)
        return messages

    async def one(self) -> Any:
        # No `wait_for`: before Python 3.12 the message would come to another task than its body runs in.
        deadline = time.monotonic() + self.patience
        while (native := await self.native.get(fail=False)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError("a message was to come")
            await asyncio.sleep(PAUSE)
        self.read(native)
        return native

    def _callback(self, body: Body, count: int) -> None:
        self.events.visit(self._called(body, count))

    async def _called(self, body: Body, count: int) -> None:
        ended: asyncio.Queue[BaseException | None] = asyncio.Queue()

        async def callback(native: Any) -> None:
            error: BaseException | None = None
            try:
                # In a thread of its own a body can have the loop do something, and wait for that.
                await asyncio.to_thread(body, self.read(native))
            except BaseException as raised:
                error = raised
                raise
            finally:
                ended.put_nowait(error)

        tag, error = None, None
        while count and error is None:
            # One more at a time: callbacks would be called side by side, and for more messages than asked for.
            await self.connection.channel.set_qos(self.unsettled + 1, global_=True)
            tag = tag or await self.native.consume(callback)
            error = await asyncio.wait_for(ended.get(), self.patience)
            count -= 1
        await self.native.cancel(tag)
        await self.connection.channel.set_qos(0, global_=True)
        if error is not None:
            raise error

    def settle(self) -> None:
        self.unsettled = 0
        self.events.run(self.last.ack(multiple=True))


class AioVerbs(Verbs):
    def receives(self, shape: Shape) -> str:
        return "get" if shape is Shape.PULL else self.receive


class AioPika(AmqpDriver):
    name: ClassVar = "aio-pika"
    library: ClassVar = "aio_pika"
    module: ClassVar = "aio_pika"
    producers: ClassVar = AioProducer
    consumers: ClassVar = AioConsumer
    cannot: ClassVar = {
        **AmqpDriver.cannot,
        Can.ORDER: "headers are a table with an order of its own",
        Can.SEVERAL: "a consumer reads one queue",
        Shape.LOOP: "its queues are iterated with `async for`",
    }
    shapes: ClassVar = (Shape.ASYNC, Shape.PULL, Shape.CALLBACK)
    verbs: ClassVar = AioVerbs(send="publish", receive="consume", settle="ack", pull="get")
    own: ClassVar = {
        "send": frozenset({"messaging.rabbitmq.destination.routing_key"}),
        "process": frozenset(
            {
                "messaging.message.id",  # it gives each message one, to tell whose answer is whose
                "messaging.rabbitmq.destination.routing_key",
                "messaging.rabbitmq.message.delivery_tag",
            }
        ),
        "settle": frozenset({"messaging.rabbitmq.message.delivery_tag", "messaging.batch.message_count"}),
    }
    batch_type: ClassVar = list
    classes: ClassVar = (
        aio_pika.Exchange,
        aio_pika.Queue,
        aio_pika.IncomingMessage,
        QueueIterator,
        aio_pika.RobustExchange,
        aio_pika.RobustQueue,
    )
    sender: ClassVar = (aio_pika.Exchange, "publish")

    def headers(self, pairs: Pairs) -> Any:
        return {name: _encodable(value) for name, value in pairs}

    def hostile(self) -> Mapping[str, Any]:
        return {**super().hostile(), "object value": {"a": Odd()}}

    def refused(self) -> Message:
        return Message(headers={"CC": "is to be a list"})

    def foreign(self, address: str, destination: str, message: Message) -> None:
        async def send() -> None:
            connection = await aiormq.connect(f"amqp://guest:guest@{address}/")
            channel = await connection.channel()
            properties = aiormq.spec.Basic.Properties(headers=dict(message.headers))
            await channel.basic_publish(message.value or b"", routing_key=destination, properties=properties)
            await connection.close()

        EventLoop().run(send())

    def bad_calls(self, destination: str) -> Mapping[str, BadCall]:
        message = aio_pika.Message(b"1")
        unable = aio_pika.Message(b"1", headers={"a": Odd()})  # type: ignore[dict-item]  # that is the point
        calls: dict[str, Callable[[Any, Any], Any]] = {
            "send: no message": lambda producer, _: producer.native.publish(),
            "send: no routing key": lambda producer, _: producer.native.publish(message),
            "send: unknown argument": lambda producer, _: producer.native.publish(message, destination, bogus=1),
            "send: argument twice": lambda producer, _: producer.native.publish(message, message=message),
            "send: too many": lambda producer, _: producer.native.publish(message, destination, True),
            "send: no message but bytes": lambda producer, _: producer.native.publish(b"1", destination),
            "send: value of a wrong type": lambda producer, _: producer.native.publish(unable, destination),
            "send: routing key of a wrong type": lambda producer, _: producer.native.publish(message, 7),
            "get: unknown argument": lambda _, consumer: consumer.native.get(bogus=1),
            "get: nothing there": lambda _, consumer: consumer.native.get(),
            "consume: no callback": lambda _, consumer: consumer.native.consume(),
            "consume: unknown argument": lambda _, consumer: consumer.native.consume(print, bogus=1),
        }
        return {case: _awaited(call) for case, call in calls.items()}

    def bad_settle(self, address: str, destination: str) -> tuple[Consumer, Callable[[], object]]:
        producer = AioProducer(address, destination, Sending())
        producer.send(Message()).wait()
        producer.close()
        consumer = AioConsumer(address, (destination,), Reading())
        consumer.read(consumer.pull())
        consumer.events.run(consumer.connection.channel.close())
        return consumer, consumer.settle


def _encodable(value: bytes | None) -> Any:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return bytearray(value or b"")


def _decoded(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else bytes(value) if isinstance(value, bytearray) else value


class Odd:
    def __repr__(self) -> str:
        return "odd"


def _awaited(call: Callable[[Any, Any], Any]) -> BadCall:
    async def wait(producer: Any, consumer: Any) -> object:
        return await call(producer, consumer)

    def run(producer: Any, consumer: Any) -> object:
        # The one that is called is the one whose loop is the right one.
        events = (producer if call.__code__.co_varnames[0] == "producer" else consumer).events
        return events.run(wait(producer, consumer))

    return run


DRIVER = AioPika()
