"""Dramatiq on RabbitMQ: an actor's work is in its message's trace, in whichever thread of the worker it runs."""

from __future__ import annotations

import threading
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.middleware import AsyncIO, Retries
from support.recorder import recording
from support.spans import attribute, ids, links, parent
from support.waiting import TIMEOUT, until

import otel_eda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from brokers.rabbitmq import RabbitMQ
    from opentelemetry.sdk.trace import ReadableSpan
    from support.recorder import Recorder

WORK = "work"


@pytest.fixture
def queue() -> str:
    return f"dramatiq-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def broker(rabbitmq: RabbitMQ) -> Iterator[RabbitmqBroker]:
    made = RabbitmqBroker(
        url=f"amqp://guest:guest@{rabbitmq.address}/",
        middleware=[Retries(max_retries=1, min_backoff=50, max_backoff=100), AsyncIO()],
    )
    yield made
    made.close()


@contextmanager
def working(broker: RabbitmqBroker, threads: int = 2) -> Iterator[dramatiq.Worker]:
    worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=threads)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


def actor(broker: RabbitmqBroker, queue: str, function: Callable[..., Any], **options: Any) -> Any:
    return dramatiq.actor(broker=broker, queue_name=queue, actor_name=queue, **options)(function)


def request(recorder: Recorder, send: Callable[[], object]) -> None:
    with recorder.tracer.start_as_current_span("request"):
        send()


def processed(recorder: Recorder, number: int, queue: str) -> list[ReadableSpan]:
    until(lambda: len(recorder.own(WORK)) >= number, f"{number} calls of the actor")
    recorder.settles(number, queue)
    until(
        lambda: not recorder.open("process"), "the end of the processing"
    )  # the thread that acknowledges is another one
    return recorder.processes(number, queue)


@pytest.mark.parametrize("threads", [1, 4])
def test_the_work_of_each_actor_is_in_its_messages_trace(
    broker: RabbitmqBroker, queue: str, recorder: Recorder, threads: int
) -> None:
    def work() -> None:
        with recorder.tracer.start_as_current_span(WORK):
            pass

    sent = actor(broker, queue, work)
    for _ in range(8):  # more than the worker has threads: they are prefetched, and wait
        request(recorder, sent.send)
    with working(broker, threads):
        spans = processed(recorder, 8, queue)
    sends = recorder.sends(8, queue)
    assert sorted(map(parent, spans), key=str) == sorted(map(ids, sends), key=str)
    assert all(links(span) == [parent(span)] for span in spans)
    assert sorted(map(parent, recorder.own(WORK)), key=str) == sorted(map(ids, spans), key=str)
    assert len({ids(span)[0] for span in spans}) == 8
    assert recorder.count("messaging.client.consumed.messages", queue) == 8
    assert recorder.count("messaging.process.duration", queue) == 8


def test_a_coroutine_in_the_event_loop_of_another_thread_is_too(
    broker: RabbitmqBroker, queue: str, recorder: Recorder
) -> None:
    async def work() -> None:
        with recorder.tracer.start_as_current_span(WORK):
            pass

    sent = actor(broker, queue, work)
    request(recorder, sent.send)
    with working(broker):
        (span,) = processed(recorder, 1, queue)
    assert [parent(one) for one in recorder.own(WORK)] == [ids(span)]


def test_what_an_actor_sends_goes_on_in_the_trace(broker: RabbitmqBroker, queue: str, recorder: Recorder) -> None:
    def work(more: bool) -> None:
        with recorder.tracer.start_as_current_span(WORK):
            if more:
                sent.send(False)

    sent = actor(broker, queue, work)
    request(recorder, lambda: sent.send(True))
    with working(broker):
        first, second = processed(recorder, 2, queue)
    assert parent(second) == ids(recorder.sends(2, queue)[1])
    assert ids(second)[0] == ids(first)[0] == ids(recorder.own("request")[0])[0]


def test_a_failed_attempt_is_an_error_and_its_delayed_retry_is_in_the_trace(
    broker: RabbitmqBroker, queue: str, recorder: Recorder
) -> None:
    def work() -> None:
        with recorder.tracer.start_as_current_span(WORK):
            if len(recorder.own(WORK)) == 0:
                raise KeyError("card")

    sent = actor(broker, queue, work)
    request(recorder, sent.send)
    with working(broker):
        failed, again = processed(recorder, 2, queue)
        (delayed,) = recorder.processes(1, f"{queue}.DQ")
    assert [attribute(span, "error.type") for span in (failed, delayed, again)] == ["KeyError", None, None]
    (first, repeated), (retry,) = recorder.sends(2, queue), recorder.sends(1, f"{queue}.DQ")
    steps = [first, failed, retry, delayed, repeated, again]
    assert [parent(span) for span in steps[1:]] == [ids(span) for span in steps[:-1]]


def test_a_message_that_waits_to_be_sent_again_is_in_nobodys_hands(
    broker: RabbitmqBroker, queue: str, recorder: Recorder
) -> None:
    sent = actor(broker, queue, lambda: None)
    request(recorder, lambda: sent.send_with_options(delay=3_600_000))
    with working(broker):
        until(lambda: recorder.count("messaging.client.consumed.messages", f"{queue}.DQ") == 1, "the message")
        assert not recorder.open()
    assert recorder.processes(0, f"{queue}.DQ") == []


def test_what_is_prefetched_and_never_processed_has_no_process_span(
    broker: RabbitmqBroker, queue: str, recorder: Recorder
) -> None:
    release = threading.Event()

    def work() -> None:
        with recorder.tracer.start_as_current_span(WORK):
            release.wait(TIMEOUT)

    sent = actor(broker, queue, work)
    for _ in range(2):
        request(recorder, sent.send)
    with working(broker, 1) as worker:
        until(lambda: recorder.count("messaging.client.consumed.messages", queue) == 2, "both messages")
        for thread in worker.workers:
            thread.stop()  # after what it is at
        release.set()
    recorder.processes(1, queue)


def test_a_message_that_cannot_be_decoded_is_rejected_as_ever(
    broker: RabbitmqBroker, queue: str, recorder: Recorder
) -> None:
    actor(broker, queue, lambda: None)
    with working(broker):
        broker.declare_queue(queue, ensure=True)
        broker.channel.basic_publish("", queue, b"not a message")
        (settle,) = recorder.settles(1, queue)
    assert settle.name == f"nack {queue}"
    assert links(settle) == [ids(span) for span in recorder.sends(1, queue)]
    assert recorder.processes(0, queue) == []


def test_nothing_is_recorded_of_what_came_before_it_is_switched_off(
    rabbitmq: RabbitMQ, broker: RabbitmqBroker, queue: str
) -> None:
    done: list[int] = []

    def work() -> None:
        if not done:
            otel_eda.disable()
        done.append(1)

    with recording() as recorder:
        sent = actor(broker, queue, work)
        for _ in range(3):
            request(recorder, sent.send)
        with working(broker, 1):
            until(lambda: len(done) == 3, "every message")
        recorder.processes(1, queue)


def test_what_is_given_up_goes_to_the_dead_letters(broker: RabbitmqBroker, queue: str, recorder: Recorder) -> None:
    def work() -> None:
        with recorder.tracer.start_as_current_span(WORK):
            raise KeyError("card")

    sent = actor(broker, queue, work, max_retries=0)
    request(recorder, sent.send)
    with working(broker):
        processed(recorder, 1, queue)
    (refusal,) = recorder.settles(1, queue)
    assert (refusal.name, attribute(refusal, "eda.settle.dead_letter")) == (f"nack {queue}", True)
