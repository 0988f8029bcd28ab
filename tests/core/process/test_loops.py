"""Sends, receives, turns and settlements of a library that the core has never heard of."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
from contextlib import suppress
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind
from support.recorder import recording
from support.spans import attribute, failed, ids, links, parent, told, traceparent
from support.times import times

from core.tinyqueue import Consumer, Producer, Queue
from otel_eda import config, semconv
from otel_eda.core.process import processing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.recorder import Recorder

    from otel_eda.core import Library

PRODUCER = (0xA, 0xB)
HEADER = [("traceparent", traceparent(PRODUCER))]


def current() -> tuple[int, int]:
    context = trace.get_current_span().get_span_context()
    return context.trace_id, context.span_id


# --- Send ---------------------------------------------------------------------------------------------------------


def test_a_send_is_one_span_that_ends_with_the_answer(recorder: Recorder) -> None:
    queue = Queue()
    producer = Producer(queue, linger=True)
    producer.send("orders", 1)
    (open_,) = recorder.open("send")
    producer.flush()
    (span,) = recorder.sends(1)
    assert ids(span) == ids(open_)
    assert (span.name, span.kind) == ("send orders", SpanKind.PRODUCER)
    assert attribute(span, "messaging.system") == "tinyqueue"
    assert attribute(span, "messaging.destination.partition.id") == "0"
    assert attribute(span, "server.address") == "memory"
    ((_, headers),) = queue.topics["orders"]
    assert [(name, told(value)) for name, value in headers] == [("traceparent", ids(span))]


def test_a_refused_message_is_told(recorder: Recorder) -> None:
    Producer(Queue()).send("!orders")
    (span,) = recorder.sends(1)
    assert (failed(span), attribute(span, "error.type")) == (True, "ConnectionError")
    (point,) = recorder.points("messaging.client.sent.messages")
    assert (point.attributes or {})["error.type"] == "ConnectionError"


def test_a_send_that_raises_raises_the_very_error_and_is_told(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="which topic"):
        Producer(Queue()).send("")
    (span,) = recorder.sends(1)
    assert attribute(span, "error.type") == "ValueError"


def test_a_wrong_call_is_the_librarys_to_refuse(recorder: Recorder) -> None:
    wrong: Any = Producer(Queue()).send
    for args, kwargs in (((), {}), (("orders", 1, [], 4), {}), (("orders",), {"nonsense": 1})):
        with pytest.raises(TypeError, match="send"):
            wrong(*args, **kwargs)
    recorder.sends(0)


@pytest.mark.parametrize("close", [methodcaller("close"), id], ids=["closed", "switched off"])
def test_what_is_never_answered_ends_without_a_word_of_success(library: Library, close: Any) -> None:
    with recording() as recorder:
        producer = Producer(Queue(), linger=True)
        producer.send("orders")
        close(producer)
    (span,) = recorder.sends(1)
    assert (failed(span), attribute(span, "error.type")) == (True, "eda.unresolved")
    producer.flush()
    recorder.sends(1)


def test_the_callers_headers_are_not_touched(recorder: Recorder) -> None:
    queue, headers = Queue(), [("a", b"1")]
    for _ in range(3):
        Producer(queue).send("orders", headers=headers)
    assert headers == [("a", b"1")]
    sent = [stored[1] for stored in queue.topics["orders"]]
    assert [own for own, _ in sent] == [("a", b"1")] * 3
    assert [told(ours[1]) for _, ours in sent] == [ids(span) for span in recorder.sends(3)]


def test_a_context_of_the_callers_own_is_respected(recorder: Recorder) -> None:
    queue = Queue()
    Producer(queue).send("orders", headers=list(HEADER))
    (span,) = recorder.sends(1)
    assert queue.topics["orders"][0][1] == HEADER
    assert links(span) == [PRODUCER]


# --- Iterate ------------------------------------------------------------------------------------------------------


def test_each_turn_is_a_span_that_is_current_in_the_body(queue: Queue, recorder: Recorder) -> None:
    bodies = []
    for _ in Consumer(queue, "orders"):
        bodies.append(current())
        assert len(recorder.open("process")) == 1
    assert bodies == [ids(span) for span in recorder.processes(3)]
    assert current() == (0, 0)
    assert [attribute(span, "messaging.kafka.offset") for span in recorder.processes(3)] == [0, 1, 2]
    assert {span.kind for span in recorder.processes(3)} == {SpanKind.CONSUMER}


def test_a_turn_is_a_child_of_its_producer_and_linked_to_it(recorder: Recorder) -> None:
    queue = Queue()
    queue.fill("orders", 1, 2, headers=HEADER)
    for _ in Consumer(queue, "orders"):
        pass
    for span in recorder.processes(2):
        assert (ids(span)[0], parent(span)) == (PRODUCER[0], PRODUCER)
        assert links(span) == [PRODUCER]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("auto", "ambient"), ("ambient", "ambient"), ("producer", "producer"), ("none", None), ("nonsense", "ambient")],
)
def test_the_parent_of_a_turn_can_be_chosen(
    rule: str, expected: str | None, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue()
    queue.fill("orders", 1, headers=HEADER)
    with recording(quiet=False) as recorder:
        monkeypatch.setenv("OTEL_EDA_PROCESS_PARENT", rule)
        config.reload()
        with recorder.tracer.start_as_current_span("ambient"):
            ambient = current()
            for _ in Consumer(queue, "orders"):
                pass
        (span,) = recorder.processes(1)
        assert parent(span) == {"ambient": ambient, "producer": PRODUCER, None: None}[expected]
        assert links(span) == [PRODUCER]


@pytest.mark.parametrize(("trust", "expected"), [("link", None), ("parent", PRODUCER)])
def test_a_producer_that_is_not_trusted_is_only_linked_to(
    trust: str, expected: object, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue()
    queue.fill("orders", 1, headers=HEADER)
    with recording() as recorder:
        monkeypatch.setenv("OTEL_EDA_TRUST", trust)
        config.reload()
        for _ in Consumer(queue, "orders"):
            pass
        (span,) = recorder.processes(1)
    assert (parent(span), links(span)) == (expected, [PRODUCER])


def test_one_loops_messages_are_not_caused_by_anothers(queue: Queue, recorder: Recorder) -> None:
    queue.fill("refunds", 1, 2, headers=HEADER)
    for _ in Consumer(queue, "orders"):
        outer = current()
        for _ in Consumer(queue, "refunds"):
            assert current()[0] == PRODUCER[0]
        assert current() == outer
    assert all(parent(span) is None for span in recorder.processes(3, "orders"))
    assert all(parent(span) == PRODUCER for span in recorder.processes(6, "refunds"))


def test_interleaved_loops_do_not_mix(queue: Queue, recorder: Recorder) -> None:
    queue.fill("refunds", 1, 2, 3)
    seen = []
    for _, _ in zip(Consumer(queue, "orders"), Consumer(queue, "refunds"), strict=False):
        seen.append(current())
    assert len(seen) == 3
    recorder.processes(3, "orders")
    recorder.processes(3, "refunds")
    assert current() == (0, 0)


def test_loops_that_alternate_forever_keep_no_past(queue: Queue, recorder: Recorder) -> None:
    for topic in ("orders", "refunds"):
        queue.fill(topic, *range(times(300)))
    for _ in zip(Consumer(queue, "orders"), Consumer(queue, "refunds"), strict=False):
        pass
    gc.collect()
    assert sum(isinstance(item, processing.Processing) for item in gc.get_objects()) < 10


def test_a_loop_gives_the_consumer_to_everyone_who_looks(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    loop = iter(consumer)
    assert isinstance(loop, Consumer)
    assert loop == consumer
    assert (loop.offsets, loop.group) == ({"orders": 0}, "readers")
    assert next(loop).value == 1


def test_a_consumer_can_be_iterated_again(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    for _ in consumer:
        break
    assert [message.value for message in consumer] == [2, 3]
    queue.fill("orders", 4)
    assert [message.value for message in consumer] == [4]
    recorder.processes(4)


def test_an_overriding_next_has_its_say(queue: Queue, recorder: Recorder) -> None:
    class Doubling(Consumer):
        def __next__(self) -> Any:
            record = super().__next__()
            record.value = (record.value, record.value)
            return record

    assert [message.value for message in Doubling(queue, "orders")] == [(1, 1), (2, 2), (3, 3)]
    recorder.processes(3)


def test_what_no_adapter_can_read_is_passed_on(queue: Queue, recorder: Recorder) -> None:
    class Values(Consumer):
        def __next__(self) -> Any:
            return super().__next__().value

    class Nothing(Consumer):
        def __next__(self) -> Any:
            return [] if self._next("orders") else next(iter(()))

    values: Iterable[object] = Values(queue, "orders")
    assert [value for value in values] == [1, 2, 3]  # noqa: C416
    assert len([value for value in Nothing(queue, "orders")]) == 3  # noqa: C416
    recorder.processes(3)


def test_suppressed_there_is_nothing(queue: Queue, recorder: Recorder) -> None:
    with suppress_instrumentation():
        Producer(queue).send("orders", 4)
        assert [message.value for message in Consumer(queue, "orders")] == [1, 2, 3, 4]
        consumer = Consumer(queue, "orders")
        assert len([*consumer.poll()["orders"]]) == 4
        consumer.commit()
    assert recorder.ours() == []


def test_switched_off_in_the_middle_a_loop_goes_on_without_us(queue: Queue, library: Library) -> None:
    seen: list[object] = []
    with recording() as recorder:
        loop = iter(Consumer(queue, "orders"))
        seen.append(next(loop).value)
        batch = iter(Consumer(queue, "orders").poll()["orders"])
        seen.append(next(batch).value)
    seen += [record.value for record in loop]
    seen += [record.value for record in batch]
    assert seen == [1, 1, 2, 3, 2, 3]
    assert len(recorder.ours()) == len(recorder.receives(1)) + len(recorder.processes(2))
    assert not recorder.open()


def test_threads_have_turns_of_their_own(queue: Queue, recorder: Recorder) -> None:
    errors: list[AssertionError] = []
    start = threading.Barrier(4)

    def consume() -> None:
        start.wait()
        try:
            for _ in range(50):
                mine = [current() for _ in Consumer(queue, "orders")]
                assert len(set(mine)) == 3
                assert current() == (0, 0)
        except AssertionError as error:
            errors.append(error)

    threads = [threading.Thread(target=consume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    recorder.processes(4 * 50 * 3)


# --- Receive ------------------------------------------------------------------------------------------------------


def test_a_batch_is_one_receive_span_that_links_to_each_producer(recorder: Recorder) -> None:
    queue = Queue()
    queue.fill("orders", 1, 2, headers=HEADER)
    Consumer(queue, "orders").poll()
    (span,) = recorder.receives(1)
    assert (span.name, span.kind, links(span)) == ("poll orders", SpanKind.CLIENT, [PRODUCER] * 2)
    assert attribute(span, "messaging.batch.message_count") == 2
    assert recorder.count("messaging.client.consumed.messages") == 2


def test_an_empty_batch_is_none(recorder: Recorder) -> None:
    assert Consumer(Queue(), "orders").poll() == {}
    recorder.receives(0)


@pytest.mark.parametrize(("choice", "polls", "pulls"), [("auto", 1, 0), ("all", 1, 1), ("none", 0, 0)])
def test_receive_spans_can_be_chosen(
    choice: str, polls: int, pulls: int, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue()
    queue.fill("orders", 1, 2)
    with recording() as recorder:
        monkeypatch.setenv("OTEL_EDA_RECEIVE_SPANS", choice)
        config.reload()
        Consumer(queue, "orders").poll()
        recorder.receives(polls)
        consumer = Consumer(queue, "orders")
        next(consumer)
        consumer.close()
        recorder.receives(polls + pulls)


def test_a_batch_is_the_list_that_it_was(queue: Queue, recorder: Recorder) -> None:
    batch = Consumer(queue, "orders").poll()["orders"]
    plain = batch[:]
    assert isinstance(batch, list)
    assert (batch == plain, plain == batch, len(batch), bool(batch)) == (True, True, 3, True)
    assert repr(batch) == repr(plain)
    assert type(copy.copy(batch)) is type(copy.deepcopy(batch)) is list
    assert [record.value for record in pickle.loads(pickle.dumps(batch))] == [1, 2, 3]  # noqa: S301
    assert batch.index(plain[1]) == 1
    assert list(reversed(batch)) == plain[::-1]
    assert sorted(batch, key=lambda record: -record.offset) == plain[::-1]
    recorder.processes(0)


def test_what_the_application_puts_into_a_batch_is_no_message(queue: Queue, recorder: Recorder) -> None:
    batch: list[Any] = Consumer(queue, "orders").poll()["orders"]
    batch[1] = "own"
    batch.append(None)
    assert [item for item in batch] == [*batch[:]]  # noqa: C416
    recorder.processes(2)


def test_a_batch_iterated_twice_is_processed_twice(queue: Queue, recorder: Recorder) -> None:
    batch = Consumer(queue, "orders").poll()["orders"]
    for _ in range(2):
        for _ in batch:
            pass
    recorder.processes(6)


# --- Pull one -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "then",
    [next, methodcaller("commit"), methodcaller("close"), methodcaller("poll")],
    ids=["the next pull", "a commit", "the close", "a poll"],
)
def test_a_pulled_message_is_processed_until(then: Any, queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    next(consumer)
    (span,) = recorder.open("process")
    assert current() == ids(span)
    then(consumer)
    assert ids(recorder.processes(1)[0]) == ids(span)
    consumer.close()
    assert current() == (0, 0)


def test_the_end_of_the_messages_ends_the_last_turn(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    while next(consumer, None):
        pass
    recorder.processes(3)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in Python 3.12")
def test_an_exception_past_a_pull_is_its_turns(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")

    def handle() -> None:
        next(consumer)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        handle()
    (span,) = recorder.processes(1)
    assert attribute(span, "error.type") == "ValueError"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in Python 3.12")
def test_a_function_that_only_fetches_passes_its_turn_to_its_caller(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")

    def fetch() -> Any:
        return next(consumer)

    def handle(fail: bool) -> None:
        fetch()
        if fail:
            raise ValueError

    handle(fail=False)
    with pytest.raises(ValueError):  # noqa: PT011
        handle(fail=True)
    good, bad = recorder.processes(2)
    assert (attribute(good, "error.type"), attribute(bad, "error.type")) == (None, "ValueError")


def test_another_call_of_the_same_function_is_not_the_one_that_pulled(queue: Queue, recorder: Recorder) -> None:
    def pull(consumer: Consumer) -> Any:
        return next(consumer)

    consumer = Consumer(queue, "orders")
    pull(consumer)
    for _ in range(100):
        with suppress(StopIteration):
            pull(Consumer(Queue(), "orders"))
    assert len(recorder.open("process")) == 1
    consumer.close()
    (span,) = recorder.processes(1)
    assert not failed(span)


def test_a_consumer_dropped_without_closing_leaves_nothing_open(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    next(consumer)
    assert len(recorder.open("process")) == 1
    del consumer
    gc.collect()
    (span,) = recorder.processes(1)
    assert attribute(span, semconv.ABANDONED) is True


# --- Settle, seek, close --------------------------------------------------------------------------------------


def test_a_commit_is_a_span_beneath_the_turn(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    for _ in consumer:
        turn = current()
        consumer.commit({"orders": 1})
        break
    (span,) = recorder.settles(1)
    assert (span.name, span.kind, parent(span)) == ("commit orders", SpanKind.CLIENT, turn)
    assert recorder.count("eda.commits") == 1


def test_a_commit_that_raises_is_told(queue: Queue, recorder: Recorder) -> None:
    with pytest.raises(KeyError):
        Consumer(queue, "orders").commit({"nowhere": 1})
    (span,) = recorder.settles(1)
    assert attribute(span, "error.type") == "KeyError"


def test_what_a_seek_left_out_may_come_later(queue: Queue, recorder: Recorder) -> None:
    consumer: Any = Consumer(queue, "orders")
    consumer.itself = consumer
    seen = [next(consumer).value]
    for offset in (2, 1):
        consumer.seek("orders", offset)
        seen.append(next(consumer).value)
    consumer.close()
    assert seen == [1, 3, 2]
    assert recorder.count("eda.reprocessed.messages") == 0


def test_a_client_that_cannot_be_identified_works_on(
    queue: Queue, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> Any:
        raise ZeroDivisionError

    library.identify = fail
    with recording(strict=False, quiet=False) as recorder:
        Producer(queue).send("orders", 4)
        consumer = Consumer(queue, "orders")
        assert [record.value for record in consumer] == [1, 2, 3, 4]
        consumer.seek("orders", 0)
        assert [record.value for record in consumer.poll()["orders"]] == [1, 2, 3, 4]
        consumer.seek("orders", 3)
        assert next(consumer).value == 4
        consumer.commit()
        consumer.close()
    assert consumer.committed == {"orders": 4}
    assert recorder.ours() == []
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("place", ["message", "identify"])
def test_a_message_that_cannot_be_read_is_delivered_all_the_same(queue: Queue, library: Library, place: str) -> None:
    def fail(_: object) -> Any:
        raise ZeroDivisionError

    setattr(library, place, fail)
    with recording(strict=False, quiet=False):
        assert [record.value for record in Consumer(queue, "orders")] == [1, 2, 3]
        assert [record.value for record in Consumer(queue, "orders").poll()["orders"]] == [1, 2, 3]


# --- Library ------------------------------------------------------------------------------------------------------


def test_everything_is_patched_where_the_adapter_says(library: Library) -> None:
    with recording():
        assert [*library.patches] == [place.target for place in library.places()]
        assert library.refused == {}
    assert library.patches == {}


@pytest.mark.parametrize("version", ["0.9", "2.0", "2.0.1rc1"])
def test_a_version_that_is_not_supported_is_left_alone_and_told(
    library: Library, version: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = dict(vars(Consumer))
    monkeypatch.setattr("core.tinyqueue.__version__", version)
    with recording(quiet=False):
        assert dict(vars(Consumer)) == before
        (why,) = library.refused.values()
    assert "is not supported (from 1, before 2)" in why
    assert [record.getMessage() for record in caplog.records] == [f"core.tinyqueue is not instrumented: {why}"]


@pytest.mark.parametrize("version", ["1", "1.2.3", "1.9rc1", "unheard of", None])
def test_a_version_that_is_supported_or_unknown_is_instrumented(
    library: Library, version: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.tinyqueue.__version__", version)
    with recording():
        assert library.patches


def test_a_place_that_there_is_not_is_told_and_the_rest_is_instrumented(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(Consumer, "seek")
    with recording(quiet=False):
        assert [*library.refused] == ["core.tinyqueue:Consumer.seek"]
        assert len(library.patches) == len(library.places()) - 1
    assert "core.tinyqueue:Consumer.seek is not instrumented" in caplog.text
