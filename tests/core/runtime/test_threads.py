"""Each structure that threads share, used by several at once."""

from __future__ import annotations

import gc
import logging
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from support.threads import THREADS, together

import otel_eda
from core.tinyqueue import Consumer, Producer, Queue, Record
from otel_eda.core.clients import instances
from otel_eda.core.clients.in_flight import Confirms, PublisherConfirm
from otel_eda.core.clients.instances import client_of
from otel_eda.core.ledger import ledger
from otel_eda.core.ledger.partition import PartitionLedger
from otel_eda.core.ledger.senders import Senders
from otel_eda.core.lifecycle.shutdown import end_client
from otel_eda.core.message import Identity, Unsettled
from otel_eda.core.patching.patch import Switch
from otel_eda.core.process.register import Register
from otel_eda.core.runtime import guard
from otel_eda.core.runtime.bounds import drop_oldest
from otel_eda.core.settle.settlement import Tags, take_unsettled

if TYPE_CHECKING:
    from support.recorder import Recorder

    from otel_eda.core import Library

pytestmark = pytest.mark.usefixtures("many_turns")
TURNS = 3000


class Open:
    """What a register keeps."""

    slot = 0

    def __init__(self, record: object) -> None:
        self.record = record
        self.done = self.manual = False


def test_entries_of_a_bounded_dict_go_but_for_the_last() -> None:
    kept: dict[int, int] = {}

    def add(number: int) -> None:
        for turn in range(TURNS):
            kept[number * TURNS + turn] = turn
            drop_oldest(kept, 20)

    together(add)
    assert 20 - THREADS < len(kept) <= 20  # two may drop one more than there are too many


def test_ledgers_and_senders_go_but_for_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MAX_LEDGERS", 3)
    monkeypatch.setattr(ledger, "MAX_PARTITIONS", 3)
    monkeypatch.setattr("otel_eda.core.ledger.senders.MAX_SENDERS", 3)
    shared, senders = ledger.Ledger(), Senders()

    def use(number: int) -> None:
        for turn in range(TURNS):
            name = f"{number}-{turn}"
            ledger.ledger_of("kafka", Identity(group=name)).partition_ledger("orders", "0").begin(1)
            shared.partition_ledger(name, "0").begin(1)
            senders.of(name).record_arrival(1)

    together(use)
    assert {len(ledger._ledgers), len(shared.partition_ledgers), len(senders._sequences)} <= {1, 2, 3}


def test_a_collection_amid_a_step_of_the_ledger_may_end_what_was_abandoned() -> None:
    # As the garbage collector does when it drops a loop that nobody finished.
    book = PartitionLedger()

    class Abandoned:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            book.end(1, done=False)
            ended.append(1)

    class Key:
        def __hash__(self) -> int:
            return gc.collect()

    def use() -> None:
        Abandoned()
        book.begin(1, 1, Key())

    ended: list[int] = []
    worker = threading.Thread(target=use, daemon=True)  # it would wait for itself
    worker.start()
    worker.join(30)
    assert ended
    assert not worker.is_alive()


def test_what_is_open_is_ended_by_one_thread() -> None:
    register: Register[Open] = Register()
    opened = [Open(b"") for _ in range(TURNS)]  # the same object each time
    for item in opened:
        register.add(item)
    removed = together(lambda _: sum(register.remove(item) for item in opened))
    assert sum(removed) == TURNS
    assert (register.all(), register.by_message) == ([], {})


def test_messages_that_are_one_object_are_processed_by_themselves() -> None:
    register: Register[Open] = Register()

    def use(_: int) -> list[bool]:
        taken = []
        for _ in range(TURNS):
            item = Open(b"")
            register.add(item)
            found = register.take_over(item.record, item)
            taken.append(id(found) == id(item))
            register.remove(item)
        return taken

    assert [all(taken) for taken in together(use)] == [True] * THREADS
    assert (register.all(), register.by_message) == ([], {})


def test_one_thread_alone_takes_a_message_over() -> None:
    register: Register[Open] = Register()
    records = [object() for _ in range(TURNS)]
    for record in records:
        register.add(Open(record))
    found = together(lambda _: [register.take_over(record, None) for record in records])
    for taken in zip(*found, strict=True):
        assert [item is not None for item in taken].count(True) == 1


def test_equal_messages_have_a_span_each_and_their_own_end(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    # One object is pulled by several threads at once, and one of them fails.
    one, inside = Record("orders", 0, 1, []), threading.Barrier(THREADS)
    monkeypatch.setattr(Consumer, "_any", lambda _: one)

    def work(number: int) -> None:
        consumer = Consumer(Queue(), "orders", group=None)
        message = next(consumer)
        inside.wait()
        with suppress(ValueError), otel_eda.process(message):
            inside.wait()
            if number == 0:
                raise ValueError
        inside.wait()
        consumer.close()

    together(work)
    failed = [span.attributes or {} for span in recorder.processes(THREADS) if not span.status.is_ok]
    assert [attributes["error.type"] for attributes in failed] == ["ValueError"]


def test_the_answer_and_the_close_end_a_send_once(library: Library, recorder: Recorder) -> None:
    producer = Producer(Queue(), linger=True)
    client = client_of(producer, library)
    receipts = [producer.send("sent", number) for number in range(300)]

    def end(number: int) -> None:
        if number == 0:
            end_client(client, "the client was closed")
        else:
            for receipt in receipts[number::2]:
                receipt.resolve(1)

    together(end, 3)
    recorder.sends(300)  # that none was ended twice, the SDK would have said
    assert recorder.count("messaging.client.sent.messages") == 300
    assert client.pending_sends == {}


def test_what_waits_in_queues_is_taken_by_one_thread(library: Library, recorder: Recorder) -> None:
    client = client_of(Consumer(Queue(), "orders"), library)
    client.unsettled.update({tag: Unsettled("orders", None, None, None, None) for tag in range(1, TURNS)})
    settled = together(lambda _: sum(len(take_unsettled(client, Tags(0, multiple=True))) for _ in range(3)))
    assert sum(settled) == TURNS - 1
    consumer = Consumer(Queue(), "orders")
    consumer.queue.fill("orders", *range(TURNS))
    with otel_eda.process(object(), destination="elsewhere"):
        pass  # from now on what a loop is done with waits for whoever holds it
    held = list(consumer)
    assert len(held) == TURNS
    polled = Consumer(consumer.queue, "orders")
    for _ in polled.poll()["orders"]:
        pass
    known = client_of(polled, library)
    together(lambda _: end_client(known, "the client was closed"))
    recorder.processes(TURNS + 1)


def test_confirms_come_while_messages_are_sent() -> None:
    confirms, ended = Confirms(Switch()), deque[int]()

    class Sent:
        done = False

        def acknowledged(self, _: Any) -> None:
            ended.append(1)

    def work(number: int) -> None:
        for turn in range(TURNS):
            if number:
                confirms.waiting[number * TURNS + turn] = Sent()  # type: ignore[assignment]
            elif turn % 100 == 0:
                confirms.answered(PublisherConfirm(0, multiple=True))

    together(work)
    confirms.answered(PublisherConfirm(0, multiple=True))
    assert len(ended) == (THREADS - 1) * TURNS


def test_clients_of_classes_without_attributes_come_and_go(library: Library) -> None:
    class Bare:
        __slots__ = ("queue",)

        def __init__(self) -> None:
            self.queue = Queue()

    def work(number: int) -> None:
        for turn in range(1000):
            if number:
                bare.append(Bare())
                client_of(bare[-1], library)
            elif turn % 10 == 0:
                instances.forget_clients(library)

    bare: list[Bare] = []
    together(work)
    instances.forget_clients(library)
    assert not instances._clients_without_attributes


def test_a_failure_is_counted_each_time_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: int) -> None:
        for _ in range(500):
            guard.failed("step", ValueError())

    together(fail)
    assert guard.failures == {"step": 500 * THREADS}
    assert len(caplog.records) == 1


def test_a_message_is_logged_by_one_thread() -> None:
    filtering = guard.LogOnce()
    records = [logging.makeLogRecord({"msg": f"message {number}"}) for number in range(guard.MAX_MESSAGES)]
    passed = together(lambda _: sum(filtering.filter(logging.makeLogRecord(vars(record))) for record in records))
    assert sum(passed) == guard.MAX_MESSAGES
