"""What runs in a thread beside a test."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from support.waiting import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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
