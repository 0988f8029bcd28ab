"""What a consumer does with offsets arrives in the ledger; anomalies are on spans and in metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.spans import attribute

import otel_eda
from core.tinyqueue import Consumer, Queue, Record
from otel_eda.core.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder


class WorkError(Exception):
    pass


FACTS = ("redelivered", "reprocessed", "out_of_order", "skipped", "recovered")


def facts(recorder: Recorder) -> dict[str, int]:
    """Give what was counted, but zeros."""
    counts = {name: recorder.count(f"eda.{name}.messages") for name in FACTS}
    counts["regressions"] = recorder.count("eda.commit.regressions")
    return {name: count for name, count in counts.items() if count}


def told(recorder: Recorder, name: str) -> list[Any]:
    """Give an attribute of all process spans."""
    return [
        attribute(span, name) for span in recorder.ours() if attribute(span, "messaging.operation.type") == "process"
    ]


@pytest.fixture
def consumer(queue: Queue, recorder: Recorder) -> Consumer:
    return Consumer(queue, "orders")


def loop(consumer: Consumer, work: Callable[[Record], None] = lambda _: None) -> None:
    for message in consumer:
        work(message)


def batch(consumer: Consumer, work: Callable[[Record], None] = lambda _: None) -> None:
    for messages in consumer.poll().values():
        for message in messages:
            work(message)


def pulls(consumer: Consumer, work: Callable[[Record], None] = lambda _: None) -> None:
    while (message := next(consumer, None)) is not None:
        work(message)


WAYS = pytest.mark.parametrize("consume", [loop, batch, pulls])


def fail_at(offset: int) -> Callable[[Record], None]:
    def work(message: Record) -> None:
        if message.offset == offset:
            raise WorkError

    return work


@WAYS
def test_all_is_quiet_where_all_is_well(consume: Callable[..., None], consumer: Consumer, recorder: Recorder) -> None:
    consume(consumer)
    consumer.commit()
    consumer.close()
    assert facts(recorder) == {}


@WAYS
def test_what_comes_again_after_success_is_reprocessed(
    consume: Callable[..., None], consumer: Consumer, recorder: Recorder
) -> None:
    consume(consumer)
    consumer.seek("orders", 1)
    consume(consumer)
    assert facts(recorder) == {"reprocessed": 2}
    assert told(recorder, "eda.message.reprocessed") == [None, None, None, True, True]


@pytest.mark.parametrize("consume", [loop, batch])
def test_what_failed_and_is_committed_past_is_skipped(
    consume: Callable[..., None], consumer: Consumer, recorder: Recorder
) -> None:
    with pytest.raises(WorkError):
        consume(consumer, fail_at(1))
    assert facts(recorder) == {}
    consumer.commit({"orders": 2})
    assert facts(recorder) == {"skipped": 1}
    assert attribute(recorder.settles(1)[0], "eda.commit.skipped") == 1


def test_a_message_that_fails_after_it_was_committed_is_skipped(consumer: Consumer, recorder: Recorder) -> None:
    def work(message: Record) -> None:
        consumer.commit({"orders": message.offset + 1})
        fail_at(1)(message)

    with pytest.raises(WorkError):
        loop(consumer, work)
    assert facts(recorder) == {"skipped": 1}
    assert told(recorder, "eda.message.skipped") == [None, True]


def test_a_retry_makes_it_good(consumer: Consumer, recorder: Recorder) -> None:
    with pytest.raises(WorkError):
        loop(consumer, fail_at(1))
    consumer.seek("orders", 1)
    loop(consumer)
    consumer.commit()
    assert facts(recorder) == {"redelivered": 1}


def test_a_late_retry_recovers_it(consumer: Consumer, recorder: Recorder) -> None:
    with pytest.raises(WorkError):
        loop(consumer, fail_at(1))
    consumer.commit()
    consumer.seek("orders", 1)
    loop(consumer)
    assert facts(recorder) == {"skipped": 1, "redelivered": 1, "recovered": 1}
    assert told(recorder, "eda.message.skipped")[2] is False


def test_a_commit_that_goes_back_is_a_regression(consumer: Consumer, recorder: Recorder) -> None:
    loop(consumer)
    consumer.commit()
    consumer.commit({"orders": 1})
    assert facts(recorder) == {"regressions": 1}
    assert attribute(recorder.settles(2)[1], "eda.commit.regressed") is True


def test_a_failed_commit_is_none(consumer: Consumer, recorder: Recorder) -> None:
    with pytest.raises(WorkError):
        loop(consumer, fail_at(1))
    with pytest.raises(KeyError):
        consumer.commit({"orders": 3, "nowhere": 3} | {"payments": 1})
    assert facts(recorder) == {}


def test_members_of_a_group_in_one_process_share_a_ledger(queue: Queue, recorder: Recorder) -> None:
    for _ in range(2):
        loop(Consumer(queue, "orders"))
    assert facts(recorder) == {"reprocessed": 3}


def test_consumers_without_a_group_do_not(queue: Queue, recorder: Recorder) -> None:
    for group in (None, None, "one", "two"):
        loop(Consumer(queue, "orders", group=group))
    assert facts(recorder) == {}


def test_a_copied_batch_is_in_no_ledger(consumer: Consumer, recorder: Recorder) -> None:
    list(consumer.poll()["orders"])
    consumer.commit()
    consumer.seek("orders", 0)
    loop(consumer)
    assert facts(recorder) == {}


def test_a_copied_loop_is_in_no_ledger(consumer: Consumer, queue: Queue, recorder: Recorder) -> None:
    list(consumer)
    queue.fill("orders", 4)
    loop(consumer)
    consumer.seek("orders", 0)
    loop(consumer)
    assert facts(recorder) == {"reprocessed": 1}


def test_switching_off_forgets(consumer: Consumer, recorder: Recorder) -> None:
    loop(consumer)
    otel_eda.disable()
    assert [book.partition_ledgers for book in ledger._ledgers.values()] == [{}]


def test_many_groups_are_bounded(queue: Queue, recorder: Recorder) -> None:
    for number in range(ledger.MAX_LEDGERS + 10):
        loop(Consumer(queue, "orders", group=str(number)))
    assert len(ledger._ledgers) == ledger.MAX_LEDGERS
