"""Who has a message that its loop has handed on: a queue, a worker, a call in a thread or task.

Each that works on it has a context of its own there, a copy: whoever restores what was current before knows the own one
by its identity, and leaves alone what the application has made current meanwhile.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Protocol

from opentelemetry.context import Context

from otel_eda.core.runtime.contexts import attach, get_current
from otel_eda.core.runtime.locks import PatientLock

if TYPE_CHECKING:
    from collections import deque

    from otel_eda.core.process.processing import Processing

_counting = PatientLock()


class OwnContext:
    """A message's context in one thread or task that works on it, and what was current there before."""

    __slots__ = ("context", "outer")

    def __init__(self, processing: Processing) -> None:
        self.outer = get_current()
        self.context = Context(processing.context)
        attach(self.context)

    def leave(self) -> bool:
        """Restore what was current before; return False if the application has made another context current."""
        own = get_current() is self.context
        if own:
            attach(self.outer)
        return own


def give(processing: Processing) -> None:
    """Count one more that has the message."""
    with _counting.held():
        processing.queued += 1


def take(processing: Processing) -> None:
    """Count that it was got where it waited, so that the work on it begins."""
    with _counting.held():
        processing.taken += 1
    processing.went_on = 0
    processing.begin_work()


def take_back(processing: Processing, taken: int = 0) -> bool:
    """Count one less that has the message; return whether nobody has it now."""
    with _counting.held():
        processing.queued -= 1
        processing.taken -= taken
        return not processing.queued


def finish(processing: Processing, error: BaseException | None, at: int | None = None) -> None:
    """Let go of a message that was got: the last that has it ends its processing, if its loop's body is over.

    The first error is that of the processing, whoever has the message yet.
    """
    last = take_back(processing, taken=1)
    if processing.manual or processing.done:
        return
    if error is not None and processing.failure is None:
        processing.failure = error
    if last and processing.body_ended_at:
        processing.end(None, at)


class Code(Protocol):
    """Code of a worker that is followed."""

    kept: deque[Work]

    def keep(self, work: Work) -> None:
        """Finish the work on a message as soon as nobody holds it."""


class Work:
    """A message that a worker has got, its place there, and the code that works on it if that is followed."""

    __slots__ = ("asked_at", "code", "handed_on", "pending_error", "place", "processing", "queue")

    def __init__(self, processing: Processing, queue: object, code: Code | None) -> None:
        self.processing, self.code = processing, code
        self.queue = weakref.ref(queue)
        self.place = None if code is None else OwnContext(processing)
        self.pending_error = sys.exc_info()[1]  # handled before, and so none of the message's
        self.handed_on, self.asked_at = False, 0

    def finish(self, error: BaseException | None = None) -> None:
        """Let go of the message; what becomes of one that was handed on before an error nobody knows."""
        unknown = error is not None and self.handed_on
        finish(self.processing, GeneratorExit() if unknown else error, self.asked_at or None)
        self.processing.keeper = None  # not before: another thread may look whether anybody knows how the work ended
