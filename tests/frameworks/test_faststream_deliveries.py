"""FastStream's batches, handlers side by side, answers, end, and its own telemetry."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from faststream import AckPolicy
from faststream.confluent.opentelemetry import KafkaTelemetryMiddleware as ConfluentTelemetry
from faststream.kafka.opentelemetry import KafkaTelemetryMiddleware
from faststream.rabbit.opentelemetry import RabbitTelemetryMiddleware
from support.spans import attribute, current, failed, ids, links, parent

from frameworks.faststream_service import KAFKA, NAME, Service, outcome, raising, run, until
from frameworks.test_faststream import BROKERS, PATIENCE, on_aiokafka, on_confluent, on_rabbitmq

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from support.recorder import Recorder

    from frameworks.faststream_service import Made


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
