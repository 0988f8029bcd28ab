"""What is published: confirmed, refused, returned, given up."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aio_pika
import pytest
from aio_pika.exceptions import DeliveryError, PublishError
from opentelemetry.trace import SpanKind, format_span_id
from support.spans import attribute, exceptions, failed, ids, parent, qualified, told

from otel_eda import semconv

from .conftest import run, send

if TYPE_CHECKING:
    from support.recorder import Recorder

    from .conftest import Broker

MESSAGE = "messaging.message.id"
KEY = "messaging.rabbitmq.destination.routing_key"
FULL = {"x-max-length": 1, "x-overflow": "reject-publish"}


def test_a_confirmed_message_has_one_span(either: Broker, recorder: Recorder) -> None:
    queue = either.rabbitmq.queue()

    async def main() -> None:
        async with either.channel() as channel:
            message = aio_pika.Message(b"1", message_id="m-1", correlation_id="c-1")
            confirmation = await channel.default_exchange.publish(message, queue)
            assert confirmation.delivery_tag == 1
            assert recorder.sends(1)

    run(main())
    [span] = recorder.ours()
    assert (span.kind, span.name) == (SpanKind.PRODUCER, f"publish {queue}")
    host, _, port = either.rabbitmq.address.rpartition(":")
    assert dict(span.attributes or {}) == {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": queue,
        "messaging.client.id": "client-7",
        "server.address": host,
        "server.port": int(port),
        KEY: queue,
        MESSAGE: "m-1",
        "messaging.message.conversation_id": "c-1",
    }


def test_a_destination_is_exchange_and_routing_key(either: Broker, recorder: Recorder) -> None:
    queue = either.rabbitmq.queue()
    exchange = either.rabbitmq.exchange("direct", [queue], "orders.new")

    async def main() -> None:
        async with either.channel() as channel:
            found = await channel.get_exchange(exchange)
            await found.publish(aio_pika.Message(b"1"), routing_key="orders.new")
            message = await (await channel.get_queue(queue)).get()
            assert told(message.headers["traceparent"].encode()) == ids(recorder.sends(1)[0])

    run(main())
    assert recorder.sends(1)[0].name == f"publish {exchange}:orders.new"
    assert recorder.processes(1)[0].name == f"process {exchange}:orders.new:{queue}"


def test_a_refusal_is_recorded(either: Broker, recorder: Recorder) -> None:
    queue = either.rabbitmq.queue(FULL)

    async def main() -> None:
        async with either.channel() as channel:
            await channel.default_exchange.publish(aio_pika.Message(b"1"), queue)
            for body in (b"2", b"2", b"3"):
                with pytest.raises(DeliveryError):
                    await channel.default_exchange.publish(aio_pika.Message(body), queue)

    run(main())
    taken, refused, again, other = recorder.sends(4)
    assert attribute(refused, "eda.send.refused") is None  # the broker refused it, not the client
    repeats = [attribute(span, "eda.send.repeats") for span in (refused, again, other)]
    assert repeats == [None, format_span_id(ids(refused)[1]), None]
    assert (failed(taken), failed(refused)) == (False, True)
    assert attribute(refused, "error.type") == qualified(DeliveryError)
    assert [kind for kind, _ in exceptions(refused)] == [qualified(DeliveryError)]


def test_a_return_that_raises_is_recorded(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.channel(on_return_raises=True) as channel:
            with pytest.raises(PublishError):
                await channel.default_exchange.publish(aio_pika.Message(b"1"), "nobody's")

    run(main())
    [span] = recorder.sends(1)
    assert (failed(span), attribute(span, "error.type")) == (True, qualified(PublishError))


def test_a_return_is_recorded(either: Broker, recorder: Recorder) -> None:
    returned: list[Any] = []

    async def main() -> None:
        async with either.channel() as channel:
            channel.return_callbacks.add(lambda _, message: returned.append(message))
            answer = await channel.default_exchange.publish(aio_pika.Message(b"1"), "nobody's")
            assert answer.delivery.reply_code == 312

    run(main())
    [span] = recorder.sends(1)
    assert (failed(span), attribute(span, "error.type")) == (True, "eda.returned")
    assert span.status.description == "312 NO_ROUTE"
    assert [message.body for message in returned] == [b"1"]


def test_what_nobody_wants_back_is_no_failure(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.channel() as channel:
            await channel.default_exchange.publish(aio_pika.Message(b"1"), "nobody's", mandatory=False)

    run(main())
    assert not failed(recorder.sends(1)[0])


def test_without_confirms_it_ends_with_the_call(either: Broker, recorder: Recorder) -> None:
    queue = either.rabbitmq.queue()

    async def main() -> None:
        async with either.channel(publisher_confirms=False) as channel:
            assert await channel.default_exchange.publish(aio_pika.Message(b"1"), queue) is None
            recorder.sends(1)

    run(main())
    assert not failed(recorder.sends(1)[0])


def test_messages_in_a_transaction_have_spans(either: Broker, recorder: Recorder) -> None:
    queue = either.rabbitmq.queue()

    async def main() -> None:
        async with either.channel(publisher_confirms=False) as channel, channel.transaction():
            await channel.default_exchange.publish(aio_pika.Message(b"1"), queue)
        async with either.queue(queue) as found:
            assert (await found.get()).body == b"1"

    run(main())
    assert parent(recorder.processes(1)[0]) == ids(recorder.sends(1)[0])


class Stamped(aio_pika.Message):
    """An application's own class, which has more than the library's."""

    seen: list[type]

    def __init__(self, body: bytes, **options: Any) -> None:
        super().__init__(body, **options)
        self.seen = []

    @property
    def properties(self) -> Any:
        self.seen.append(type(self))
        made = super().properties
        made.app_id = "stamped"
        return made


@pytest.mark.parametrize("kind", [aio_pika.Message, Stamped])
@pytest.mark.parametrize("headers", [None, {"a": 1}], ids=["no headers", "headers"])
def test_a_message_can_be_sent_again(
    broker: Broker, recorder: Recorder, kind: type[aio_pika.Message], headers: dict[str, Any] | None
) -> None:
    async def main() -> None:
        async with broker.queue() as queue:
            message = kind(b"1", headers=headers, message_id="m-1")
            before = message.headers
            for _ in range(3):
                await queue.channel.default_exchange.publish(message, queue.name)
            assert (message.headers is before, message.headers) == (True, headers or {})
            for _ in range(3):
                got = await queue.get()
                assert {name: got.headers[name] for name in (headers or {})} == (headers or {})
                assert (got.message_id, got.app_id) == ("m-1", "stamped" if kind is Stamped else None)
            if isinstance(message, Stamped):
                assert message.seen == [Stamped] * 3

    run(main())
    sent = [ids(span) for span in recorder.sends(3)]
    assert len({*sent}) == 3
    assert [parent(span) for span in recorder.processes(3)] == sent


def test_a_message_that_came_in_can_be_sent_on(broker: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with broker.queue() as queue, broker.queue() as other:
            await send(queue, b"1")
            message = await queue.get(no_ack=True)  # such a message is locked
            await other.channel.default_exchange.publish(message, other.name)
            assert (await other.get()).body == b"1"

    run(main())
    first, second = recorder.sends(2)
    incoming, onward = recorder.processes(2)
    assert parent(second) == ids(incoming)
    # It carries the context it came with, which is its own and stays.
    assert second.kind is SpanKind.CLIENT
    assert parent(incoming) == parent(onward) == ids(first)


def test_an_exchange_that_is_no_more_fails_as_it_does_without_us(broker: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with broker.channel() as channel:
            exchange = await channel.declare_exchange("gone-exchange", auto_delete=True)
            await exchange.delete()
            with pytest.raises(AttributeError):
                await exchange.publish(aio_pika.Message(b"1"), "key")

    run(main())
    assert not recorder.ours()


def test_a_send_that_is_given_up_has_ended(broker: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with broker.queue() as queue:
            task = asyncio.ensure_future(send(queue, b"1"))
            while not recorder.open("send"):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert not recorder.open()

    run(main())
    assert attribute(recorder.sends(1)[0], "error.type") == semconv.UNRESOLVED


def test_sends_at_once_do_not_see_each_other(either: Broker, recorder: Recorder) -> None:
    async def work(queue: Any, number: int) -> None:
        with recorder.tracer.start_as_current_span(f"task {number}"):
            await send(queue, *[b"1"] * 5)

    async def main() -> None:
        async with either.queue() as queue:
            await asyncio.gather(*(work(queue, number) for number in range(3)))

    run(main())
    parents = [parent(span) for span in recorder.sends(15)]
    tasks = [ids(recorder.own(f"task {number}")[0]) for number in range(3)]
    assert [parents.count(task) for task in tasks] == [5, 5, 5]


def test_the_time_that_a_sender_gives_is_on_both_spans(broker: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with broker.queue() as queue:
            await send(queue, b"1", timestamp=1_700_000_000)
            await queue.get(no_ack=True)

    run(main())
    stamps = [attribute(span, "eda.message.timestamp") for span in (*recorder.sends(1), *recorder.processes(1))]
    assert stamps == [1_700_000_000_000] * 2
