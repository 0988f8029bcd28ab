"""FastStream catches what handlers raise: the process span of each message says it all the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from faststream import AckPolicy, BaseMiddleware, ExceptionMiddleware
from faststream.confluent import KafkaMessage as ConfluentMessage
from faststream.exceptions import AckMessage, NackMessage, RejectMessage, SkipMessage
from faststream.kafka import KafkaMessage
from support.spans import attribute, ids, parent

from frameworks.faststream_service import KAFKA, NAME, Service, outcome, raising, run, until
from frameworks.test_faststream import BROKERS, PATIENCE, on_aiokafka, on_rabbitmq

if TYPE_CHECKING:
    from support.recorder import Recorder

    from frameworks.faststream_service import Made

FASTSTREAM = "faststream.exceptions"


@BROKERS
@pytest.mark.parametrize("policy", [None, AckPolicy.ACK_FIRST, AckPolicy.ACK, AckPolicy.MANUAL])
def test_what_a_handler_raises_fails_its_message(
    made: Made, policy: AckPolicy | None, request: pytest.FixtureRequest, recorder: Recorder
) -> None:
    service = Service(made(request), raising(KeyError()))
    run(service, "first", "second", **({} if policy is None else {"ack_policy": policy}))
    spans = recorder.processes(2, service.destination)
    assert [outcome(span) for span in spans] == ["KeyError", "done"]
    assert {attribute(span, "code.function.name") for span in spans} == {NAME}
    assert service.current == [ids(span) for span in spans]


@BROKERS
def test_what_fails_comes_again_if_it_is_put_back(
    made: Made, request: pytest.FixtureRequest, recorder: Recorder
) -> None:
    service = Service(made(request), raising(KeyError()))
    run(service, "first", seen=2, ack_policy=AckPolicy.NACK_ON_ERROR)
    spans = recorder.processes(2, service.destination)
    assert [outcome(span) for span in spans] == ["KeyError", "done"]
    assert parent(spans[0]) == parent(spans[1])


@BROKERS
@pytest.mark.parametrize("kind", [AckMessage, SkipMessage, NackMessage, RejectMessage])
def test_exceptions_that_say_what_is_to_become_of_a_message(
    made: Made, kind: type[Exception], request: pytest.FixtureRequest, recorder: Recorder
) -> None:
    again = kind is NackMessage
    refused = again or (made is on_rabbitmq and kind is RejectMessage)
    service = Service(made(request), raising(kind()))
    run(service, "first", "second", seen=2 + again, ack_policy=AckPolicy.ACK)
    first, *others = recorder.processes(2 + again, service.destination)
    assert outcome(first) == (f"{FASTSTREAM}.{kind.__name__}" if refused else "done")
    assert {outcome(span) for span in others} == {"done"}


@KAFKA
def test_a_message_that_the_handler_itself_puts_back(
    made: Made, request: pytest.FixtureRequest, recorder: Recorder
) -> None:
    service = Service(made(request), lambda _: None)
    kind = KafkaMessage if made is on_aiokafka else ConfluentMessage

    async def handle(body: str, message: Any) -> None:
        service.seen.append(body)
        await (message.nack() if len(service.seen) == 1 else message.ack())

    handle.__annotations__ = {"body": str, "message": kind, "return": None}
    service.handle = handle  # type: ignore[method-assign,assignment]
    run(service, "first", seen=2, ack_policy=AckPolicy.MANUAL)
    assert [outcome(span) for span in recorder.processes(2, service.destination)] == ["Nack", "done"]


@BROKERS
@pytest.mark.parametrize("kind", ["exceptions", "base"])
def test_an_error_that_a_middleware_handles_is_none(
    made: Made, kind: str, request: pytest.FixtureRequest, recorder: Recorder
) -> None:
    class Handles(BaseMiddleware):
        async def after_processed(self, *_: Any) -> bool:
            return True

    handler = ExceptionMiddleware()
    handler.add_handler(KeyError)(lambda _: None)
    service = Service(made(request), raising(KeyError()))
    service.broker.add_middleware(handler if kind == "exceptions" else Handles)
    run(service, "first")
    (span,) = recorder.processes(1, service.destination)
    assert outcome(span) == "done"


@BROKERS
def test_a_message_without_a_handler(made: Made, request: pytest.FixtureRequest, recorder: Recorder) -> None:
    broker, options, make = made(request)
    destination, asked = make(), []

    def suits(message: Any) -> bool:
        asked.append(message)
        return False

    async def handle(_: str) -> None:
        raise AssertionError

    async def play() -> None:
        broker.subscriber(destination, **options)(filter=suits)(handle)
        async with broker:
            await broker.start()
            await broker.publish("first", destination)
            await until(lambda: asked)

    asyncio.run(asyncio.wait_for(play(), PATIENCE))
    (span,) = recorder.processes(1, destination)
    assert outcome(span) == f"{FASTSTREAM}.SubscriberNotFound"
    assert attribute(span, "code.function.name") is None


def test_a_handler_that_exits(request: pytest.FixtureRequest, recorder: Recorder) -> None:
    # On Kafka FastStream then cancels its own stop, and leaves connections open.
    service = Service(on_rabbitmq(request), raising(SystemExit()))
    run(service, "first")
    (span,) = recorder.processes(1, service.destination)
    assert outcome(span) == "abandoned"
    assert attribute(span, "eda.process.ended_by") == "SystemExit"
