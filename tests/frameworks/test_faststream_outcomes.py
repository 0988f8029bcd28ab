"""FastStream catches what handlers raise: the process span of each message says it all the same."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from faststream import AckPolicy, BaseMiddleware, ExceptionMiddleware
from faststream.confluent import KafkaMessage as ConfluentMessage
from faststream.confluent.opentelemetry import KafkaTelemetryMiddleware as ConfluentTelemetry
from faststream.exceptions import AckMessage, NackMessage, RejectMessage, SkipMessage
from faststream.kafka import KafkaMessage
from faststream.kafka.opentelemetry import KafkaTelemetryMiddleware
from faststream.rabbit.opentelemetry import RabbitTelemetryMiddleware
from support.spans import attribute, current, failed, ids, links, parent

from frameworks.test_faststream import BROKERS, PATIENCE, on_aiokafka, on_confluent, on_rabbitmq

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from opentelemetry.sdk.trace import ReadableSpan
    from support.recorder import Recorder

    from frameworks.test_faststream import Broker

    Made = Callable[[pytest.FixtureRequest], Broker]

KAFKA = pytest.mark.parametrize("made", [on_aiokafka, on_confluent])
NAME = f"{__name__}.Service.handle"
FASTSTREAM = "faststream.exceptions"


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


@KAFKA
@pytest.mark.parametrize("fails", [False, True])
def test_a_batch(made: Made, fails: bool, request: pytest.FixtureRequest, recorder: Recorder) -> None:
    broker, options, make = made(request)
    destination, answers = make(), make()
    sizes: list[int] = []

    async def handle(bodies: list[str]) -> None:
        assert current() == (0, 0)  # it works on all of them
        await broker.publish("answer", answers)
        sizes.append(len(bodies))
        if fails:
            raise KeyError

    handle.__annotations__ = {"bodies": list[str], "return": None}
    timeout = {"batch_timeout_ms": 500} if made is on_aiokafka else {"polling_interval": 0.5}

    async def play() -> None:
        broker.subscriber(destination, batch=True, ack_policy=AckPolicy.ACK, **options, **timeout)(handle)
        async with broker:
            for number in range(4):
                await broker.publish(f"{number}", destination)
            await broker.start()
            await until(lambda: sum(sizes) >= 4)

    asyncio.run(asyncio.wait_for(play(), PATIENCE))
    spans, sends = recorder.processes(4, destination), recorder.sends(4, destination)
    assert sorted(map(parent, spans), key=str) == sorted(map(ids, sends), key=str)
    assert {outcome(span) for span in spans} == {"KeyError" if fails else "done"}
    assert {attribute(span, "code.function.name") for span in spans} == {f"{__name__}.test_a_batch.<locals>.handle"}
    assert {attribute(span, "messaging.batch.message_count") for span in spans} <= {None, *sizes}
    assert not any(attribute(span, "eda.message.skipped") for span in spans)  # some of them may be done
    assert all(parent(send) is None for send in recorder.sends(len(sizes), answers))


@KAFKA
def test_handlers_side_by_side(made: Made, request: pytest.FixtureRequest, recorder: Recorder) -> None:
    broker = made(request)
    answers, both = broker[2](), asyncio.Event()

    async def act(body: str) -> None:
        if len(service.seen) == 2:
            both.set()
        await both.wait()  # for the other one
        await service.broker.publish(body, answers)
        if body == "second":
            raise KeyError

    service = Service(broker, act)
    run(service, "first", "second", max_workers=2)
    spans = {parent(span): span for span in recorder.processes(2, service.destination)}
    handled = [spans[ids(send)] for send in recorder.sends(2, service.destination)]
    assert [outcome(span) for span in handled] == ["done", "KeyError"]
    assert sorted(service.current) == sorted(ids(span) for span in handled)
    assert {parent(send) for send in recorder.sends(2, answers)} == {ids(span) for span in handled}


@BROKERS
def test_what_comes_while_the_broker_stops_is_left_alone(
    made: Made, request: pytest.FixtureRequest, recorder: Recorder
) -> None:
    release = asyncio.Event()
    service = Service(made(request), lambda _: release.wait())
    workers = {} if made is on_rabbitmq else {"max_workers": 2}

    async def play() -> None:
        sender = made(request)[0]
        async with service.running("first", **workers), sender:
            stopping = asyncio.create_task(service.broker.stop())
            await until(lambda: not any(one.running for one in service.broker.subscribers))
            await sender.publish("second", service.destination)
            await until(lambda: len(ended(recorder, service.destination)) == 1)
            release.set()
            await stopping

    asyncio.run(asyncio.wait_for(play(), PATIENCE))
    outcomes = {parent(span): outcome(span) for span in recorder.processes(2, service.destination)}
    assert [outcomes[ids(send)] for send in recorder.sends(2, service.destination)] == ["done", "abandoned"]
    assert service.seen == ["first"]


def ended(recorder: Recorder, destination: str) -> list[ReadableSpan]:
    name = f"process {destination}"
    return [span for span in recorder.journal.ended() if span.name == name]


@BROKERS
def test_a_publisher_by_decorator(made: Made, request: pytest.FixtureRequest, recorder: Recorder) -> None:
    broker = made(request)
    answers = broker[2]()
    service = Service(broker, lambda body: body)
    service.handle = broker[0].publisher(answers)(service.handle)  # type: ignore[method-assign]
    run(service, "first")
    (span,), (send,) = recorder.processes(1, service.destination), recorder.sends(1, answers)
    assert parent(send) == ids(span)
    assert attribute(span, "code.function.name") == NAME


def test_a_request_and_its_answer(request: pytest.FixtureRequest, recorder: Recorder) -> None:
    service = Service(on_rabbitmq(request), lambda body: f"{body} answered")

    async def play() -> None:
        async with service.running():
            answer = await service.broker.request("first", service.destination, timeout=PATIENCE)
            assert await answer.decode() == "first answered"
            await until(lambda: len(recorder.journal.open()) == 0)

    asyncio.run(asyncio.wait_for(play(), PATIENCE))
    sent, answered = recorder.sends(2)
    (span,) = recorder.processes(1, service.destination)
    (received,) = [one for one in recorder.processes(2) if one is not span]
    assert [parent(span), parent(answered), parent(received)] == [ids(sent), ids(span), ids(answered)]
    assert not any(failed(one) for one in (sent, answered, span, received))  # the broker returns each answer


@pytest.mark.parametrize(
    ("made", "telemetry"),
    [
        (on_aiokafka, KafkaTelemetryMiddleware),
        (on_confluent, ConfluentTelemetry),
        (on_rabbitmq, RabbitTelemetryMiddleware),
    ],
)
def test_its_own_telemetry_beside_ours(
    made: Made, telemetry: Any, request: pytest.FixtureRequest, recorder: Recorder
) -> None:
    service = Service(made(request), raising(KeyError()))
    service.broker.add_middleware(telemetry(tracer_provider=recorder.tracer_provider))
    run(service, "first")
    (span,), (send,) = recorder.processes(1, service.destination), recorder.sends(1, service.destination)
    theirs = {one.name.rpartition(" ")[2]: one for one in recorder.journal.ended() if "faststream" in scope(one)}
    assert {*theirs} == {"create", "publish", "process"}
    assert parent(send) == ids(theirs["publish"])
    assert links(span) == [ids(theirs["create"])]  # the context in the message is theirs
    assert ids(span)[0] == ids(send)[0] == ids(theirs["process"])[0]
    assert outcome(span) == "KeyError"


def scope(span: ReadableSpan) -> str:
    return "" if span.instrumentation_scope is None else span.instrumentation_scope.name
