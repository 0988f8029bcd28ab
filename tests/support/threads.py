"""What runs in a thread beside a test, and threads that do the same at the same time."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from support.waiting import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.recorder import Recorder

THREADS = 6


@contextmanager
def beside(work: Callable[[], object], end: Callable[[], object] = int) -> Iterator[None]:
    """Have work run in a thread for the length of the block; however that is left, `end` is to bring the work's end."""
    thread = threading.Thread(target=work, daemon=True)  # a process is not to wait for one that does not end
    thread.start()
    try:
        yield
    finally:
        end()
        thread.join(TIMEOUT)
    assert not thread.is_alive(), f"{work} has not ended"


@contextmanager
def short_turns() -> Iterator[None]:
    """Have threads take turns a thousand times as often as they do: a busy machine, made small."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def together(work: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    """Have each thread do the work, given its number, beginning together; return what it gave, raise what it raised."""
    begin = threading.Barrier(threads)

    def run(number: int) -> Any:
        begin.wait()
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


@contextmanager
def collecting(recorder: Recorder) -> Iterator[None]:
    """Have metrics collected in a thread, all the time."""
    over = threading.Event()
    failures: list[BaseException] = []

    def collect() -> None:
        try:
            while not over.is_set():
                recorder.metrics()
        except BaseException as error:
            failures.append(error)

    with beside(collect, over.set):
        yield
    assert not failures
