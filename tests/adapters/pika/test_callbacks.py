"""The connections that call back: each channel's sends wait for their numbers, its callbacks are processings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from drivers.pika import connect
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind
from pika import BasicProperties, ConnectionParameters, SelectConnection
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import ConnectionClosedByClient
from support.recorder import recording
from support.spans import attribute, failed, ids, links, parent

import otel_eda

if TYPE_CHECKING:
    from brokers.rabbitmq import RabbitMQ
    from pika.channel import Channel
    from support.recorder import Recorder

LoopProcessing = Callable[[Any, "Channel", Callable[[], None]], object]
PATIENCE = 20.0


class Run:
    """Opens a connection and a channel, takes the steps, and ends when the last of them calls `done`."""

    def __init__(self, kind: type[Any], address: str, steps: LoopProcessing) -> None:
        self.steps = steps
        self.errors: list[BaseException] = []
        self.loop = asyncio.new_event_loop() if kind is AsyncioConnection else None
        host, _, port = address.rpartition(":")
        options = {"custom_ioloop": self.loop} if self.loop else {}
        parameters = ConnectionParameters(host, int(port), client_properties={"connection_name": "client-7"})
        self.connection = kind(
            parameters,
            on_open_callback=lambda connection: connection.channel(on_open_callback=self.opened),
            on_close_callback=self.closed,
            **options,
        )

    def opened(self, channel: Channel) -> None:
        self.connection.ioloop.call_later(PATIENCE, self.done)
        self.guard(self.steps, self.connection, channel, self.done)

    def guard(self, step: Callable[..., object], *args: object) -> None:
        try:
            step(*args)
        except BaseException as error:  # told by `run`
            self.errors.append(error)
            self.done()

    def done(self) -> None:
        if self.connection.is_open:
            self.connection.close()

    def closed(self, connection: Any, reason: BaseException) -> None:
        if not isinstance(reason, ConnectionClosedByClient):
            self.errors.append(reason)
        connection.ioloop.stop()

    def run(self) -> None:
        if self.loop is None:
            self.connection.ioloop.start()
        else:
            self.loop.run_forever()
        self.connection.ioloop.close()
        if self.errors:
            raise self.errors[0]


@pytest.fixture(params=[SelectConnection, AsyncioConnection], ids=["select", "asyncio"])
def kind(request: pytest.FixtureRequest) -> type[Any]:
    found: type[Any] = request.param
    return found


@pytest.fixture
def take(rabbitmq: RabbitMQ, kind: type[Any], recorder: Recorder) -> Callable[[LoopProcessing], None]:
    """Take steps on a channel."""
    return lambda steps: Run(kind, rabbitmq.address, steps).run()


def filled(rabbitmq: RabbitMQ, queue: str, count: int) -> None:
    connection = connect(rabbitmq.address)
    for _ in range(count):
        connection.channel().basic_publish("", queue, b"1")
    connection.close()


def test_a_publish_without_confirms_is_one_span(take: Any, queue: str, recorder: Recorder) -> None:
    def steps(_: Any, channel: Channel, done: Any) -> None:
        properties = BasicProperties(headers={"a": 1})
        channel.basic_publish("", queue, b"1", properties)
        assert properties.headers == {"a": 1}
        [span] = recorder.ours()
        assert (span.kind, span.name) == (SpanKind.PRODUCER, f"publish {queue}")
        assert attribute(span, "messaging.client.id") == "client-7"
        done()

    take(steps)
    recorder.sends(1)


def test_confirms_end_the_sends(take: Any, queue: str, recorder: Recorder) -> None:
    answers: list[Any] = []

    def steps(_: Any, channel: Channel, done: Any) -> None:
        def answered(frame: Any) -> None:
            answers.append(frame.method)
            if not recorder.open("send"):
                done()

        def confirmed(_: object) -> None:
            channel.basic_publish("", queue, b"1")
            with suppress_instrumentation():
                channel.basic_publish("", queue, b"2")  # the broker counts it all the same
            channel.basic_publish("", queue, b"3")
            assert len(recorder.open("send")) == 2

        channel.confirm_delivery(answered, confirmed)

    take(steps)
    assert answers
    assert [failed(span) for span in recorder.sends(2)] == [False, False]
    recorder.counted("messaging.client.sent.messages", 2, queue)


def test_refused_and_returned_messages_are_failures(take: Any, rabbitmq: RabbitMQ, recorder: Recorder) -> None:
    full = rabbitmq.queue({"x-max-length": 1, "x-overflow": "reject-publish"})
    seen: list[str] = []

    def steps(_: Any, channel: Channel, done: Any) -> None:
        def answered(frame: Any) -> None:
            seen.append(frame.method.NAME)
            if not recorder.open("send"):
                done()

        def confirmed(_: object) -> None:
            channel.basic_publish("", full, b"1")
            channel.basic_publish("", full, b"2")
            channel.basic_publish("", "nowhere", b"3", mandatory=True)

        channel.add_on_return_callback(lambda *_: seen.append("returned"))
        channel.confirm_delivery(ack_nack_callback=answered, callback=confirmed)

    take(steps)
    good, refused, returned = recorder.sends(3)
    assert not failed(good)
    assert (failed(refused), attribute(refused, "error.type")) == (True, "eda.nacked")
    assert (failed(returned), attribute(returned, "error.type")) == (True, "eda.returned")
    assert returned.status.description == "312 NO_ROUTE"
    assert {"Basic.Ack", "Basic.Nack", "returned"} <= set(seen)
    recorder.counted("eda.returned.messages", 1, "nowhere")


def test_what_is_never_answered_is_unresolved(take: Any, queue: str, recorder: Recorder) -> None:
    def steps(connection: Any, channel: Channel, _: Any) -> None:
        def confirmed(_: object) -> None:
            channel.basic_publish("", queue, b"1")
            connection._terminate_stream(None)  # nothing more will be read

        channel.confirm_delivery(lambda _: None, confirmed)

    with suppress(Exception):
        take(steps)
    [send] = recorder.sends(1)
    assert (failed(send), attribute(send, "error.type")) == (True, "eda.unresolved")


def test_a_callback_is_a_processing(take: Any, rabbitmq: RabbitMQ, queue: str, recorder: Recorder) -> None:
    filled(rabbitmq, queue, 2)
    seen: list[Any] = []

    def steps(_: Any, channel: Channel, done: Any) -> None:
        def called(given: Channel, method: Any, properties: BasicProperties, body: bytes) -> None:
            assert given is channel
            seen.append((properties, body))
            with recorder.tracer.start_as_current_span("work"):
                channel.basic_ack(method.delivery_tag)
            if len(seen) == 2:
                done()

        channel.basic_consume(queue, called)

    take(steps)
    processed, sent = recorder.processes(2), recorder.sends(2)
    assert [(span.kind, span.name) for span in processed] == [(SpanKind.CONSUMER, f"process {queue}")] * 2
    assert [parent(span) for span in processed] == [ids(span) for span in sent]
    work = recorder.own("work")
    assert [parent(span) for span in work] == [ids(span) for span in processed]
    settled = recorder.settles(2)
    assert [(parent(one), links(one)) for one in settled] == [
        (ids(around), [ids(send)]) for around, send in zip(work, sent, strict=True)
    ]


def test_a_get_calls_back(take: Any, rabbitmq: RabbitMQ, queue: str, recorder: Recorder) -> None:
    filled(rabbitmq, queue, 1)

    def steps(_: Any, channel: Channel, done: Any) -> None:
        def called(_: Channel, method: Any, *__: object) -> None:
            channel.basic_nack(method.delivery_tag, requeue=False)
            done()

        channel.basic_get(queue, called)

    take(steps)
    [send], [process], [settle] = recorder.sends(1), recorder.processes(1), recorder.settles(1)
    assert (parent(process), parent(settle), links(settle)) == (ids(send), ids(process), [ids(send)])


def test_a_channel_that_was_there_before(rabbitmq: RabbitMQ, kind: type[Any], queue: str) -> None:
    with recording() as recorder:
        otel_eda.disable()

        def steps(_: Any, channel: Channel, done: Any) -> None:
            def called(_: Channel, method: Any, *__: object) -> None:
                channel.basic_reject(method.delivery_tag, requeue=False)
                done()

            def confirmed(_: object) -> None:
                channel.basic_publish("", queue, b"0")  # uncounted: its confirm must end no other's span
                otel_eda.enable(tracer_provider=recorder.tracer_provider, meter_provider=recorder.meter_provider)
                channel.basic_publish("", queue, b"1")
                recorder.sends(1)
                channel.basic_get(queue, lambda *_: None, auto_ack=True)
                channel.basic_consume(queue, called)

            channel.confirm_delivery(lambda _: None, confirmed)

        Run(kind, rabbitmq.address, steps).run()
        recorder.sends(1)
        recorder.processes(2)
        recorder.settles(1)


def test_switched_off_and_on_numbers_are_not_believed(rabbitmq: RabbitMQ, kind: type[Any], queue: str) -> None:
    with recording() as recorder:

        def steps(_: Any, channel: Channel, done: Any) -> None:
            def confirmed(_: object) -> None:
                otel_eda.disable()
                channel.basic_publish("", queue, b"0")
                otel_eda.enable(tracer_provider=recorder.tracer_provider, meter_provider=recorder.meter_provider)
                channel.basic_publish("", queue, b"1")
                assert not recorder.open()
                done()

            channel.confirm_delivery(lambda _: None, confirmed)

        Run(kind, rabbitmq.address, steps).run()
        recorder.sends(1)
