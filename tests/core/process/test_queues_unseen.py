"""What is known of messages from queues if nothing tells how the work on them ended, and their worker is past them."""

from __future__ import annotations

import gc
import queue as standard
import threading
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import attribute

from core.common import ABANDONED, EXACT, iterated, outcome
from core.tinyqueue import Consumer, Queue

if TYPE_CHECKING:
    from support.recorder import Recorder

pytestmark = pytest.mark.skipif(EXACT, reason="the interpreter tells how a function ended that fetched a message")


def test_a_worker_that_went_on_from_a_message_without_an_error(queue: Queue, recorder: Recorder) -> None:
    inbox: standard.Queue[Any] = standard.Queue()
    for message in iterated(queue):
        inbox.put(message)
    del message

    def fetch() -> object:
        return inbox.get()

    for _ in range(3):
        fetch()
    inbox.put(None)
    fetch()
    assert [outcome(span) for span in recorder.processes(3)] == [ABANDONED] * 3
    assert all(attribute(span, "eda.process.went_on") for span in recorder.processes(3))


@pytest.mark.parametrize("within_a_call", [False, True])
def test_a_thread_that_is_over(within_a_call: bool, recorder: Recorder) -> None:
    queue, inbox = Queue(), standard.Queue[Any]()
    queue.fill("orders", *range(20))

    def fetch() -> None:
        inbox.get()

    def work() -> None:
        fetch() if within_a_call else inbox.get()

    for message in Consumer(queue, "orders"):
        inbox.put(message)
        del message
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
    del worker
    gc.collect()
    spans = recorder.processes(20)
    assert {outcome(span) for span in spans} == {ABANDONED}
    assert all(attribute(span, "eda.process.went_on") for span in spans)
