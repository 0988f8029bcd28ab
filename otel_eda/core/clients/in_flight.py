"""What may be open at a client: sends, process spans, settlements, as far as the client needs to know them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from otel_eda import semconv
from otel_eda.core.runtime.bounds import drop_oldest
from otel_eda.core.telemetry.errors import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from weakref import ReferenceType

    from opentelemetry.trace import Span

    from otel_eda.core.message import Unsettled
    from otel_eda.core.patching.patch import Switch


MAX_UNSETTLED = 65_535
"""Messages that a client remembers until they are settled; a prefetch count of 16 bits allows no more."""


class OpenSend(Protocol):
    """A send that the broker has not answered."""

    span: Span
    done: bool

    def failed(self, error: BaseException, /) -> None:
        """End the send with the reason why the message was not sent."""

    def abandoned(self, error: BaseException, /) -> None:
        """End the send with the reason why nobody waits for the answer any more."""


class UnconfirmedSend(OpenSend, Protocol):
    """A send that waits for the broker to confirm its number."""

    def acknowledged(self, answer: Any, /) -> None:
        """End the send with the broker's answer."""


class WorkerCode(Protocol):
    """Code of a worker that gets messages from queues of the process."""

    @property
    def alive(self) -> bool:
        """Whether it may yet ask for more."""


class OpenProcessing(Protocol):
    """A process span that has not ended; `body_ended_at` is when the code around the message ended, 0 while it runs.

    `queued` counts the queues, tasks and threads that it was handed to; `went_on` is when a worker asked for the
    next message after it, `keeper` that worker's code, or that worker; `start` is when the work on it began.
    """

    record: Any
    done: bool
    manual: bool
    queued: int
    keeper: ReferenceType[WorkerCode] | None
    start: int
    went_on: int
    body_ended_at: int
    pending_error: BaseException | None

    @property
    def message_is_held(self) -> bool:
        """Whether anybody but the process span holds the message."""

    def end(self, error: BaseException | None = None, at: int | None = None) -> None:
        """End the span, as failed if there is an error, at a time in nanoseconds since 1970."""

    def end_unguarded(self, error: BaseException | None = None, at: int | None = None) -> None:
        """End the span; a failure of ours is raised."""

    def end_unless_manual(self, error: BaseException | None) -> None:
        """End the span, unless the application processes the message by hand."""

    def detach(self) -> None:
        """Restore the context from before the span."""


class Watching(Protocol):
    """A watch on the frame that processes a message."""

    def close(self) -> None:
        """Stop the watch."""


class OpenSettlement(Protocol):
    """A settlement that the broker has not answered."""

    def failed(self, error: BaseException, /) -> None:
        """End the settlement with the reason why it failed."""


class PublisherConfirm(NamedTuple):
    """A broker's confirm of the send of a number, or of all sends up to it; number 0 stands for all."""

    number: int
    multiple: bool = False
    refused: bool = False


class InFlight:
    """Everything that is open at one client.

    `refused_sends` holds the span id of each send that the client refused, by a hash of what was sent;
    `processing_by_task` holds the process span of each task or thread that has pulled a message, and the watch on the
    frame that pulled; `deferred_processing` the spans whose code is over and whose messages may yet be processed by
    hand; `settle_calls` counts the settle calls in progress; `has_commit_callback` says that the outcome of each commit
    comes to a callback of ours, and `unanswered_settlements` waits for it.
    """

    def __init__(self) -> None:
        self.pending_sends: dict[int, OpenSend] = {}
        self.refused_sends: dict[int, int] = {}
        self.confirms: Confirms | None = None
        self.processing_by_task: dict[int, tuple[OpenProcessing, Watching | None]] = {}
        self.followed_tasks: set[int] = set()
        self.deferred_processing: deque[OpenProcessing] = deque()
        self.unsettled: dict[int, Unsettled] = {}
        self.settle_calls = 0
        self.has_commit_callback = False
        self.unanswered_settlements: deque[OpenSettlement] = deque()

    def forget_open(self) -> None:
        """Drop what is open, in a forked child: it is the parent's to end."""
        for sending in self.pending_sends.values():
            sending.done = True  # the client may yet drop it here
        for opened in (
            self.pending_sends,
            self.unanswered_settlements,
            self.processing_by_task,
            self.followed_tasks,
            self.deferred_processing,
        ):
            opened.clear()

    def await_settlement(self, delivery_tag: int, message: Unsettled) -> None:
        """Remember a message until it is settled; the oldest is dropped where there are too many."""
        self.unsettled[delivery_tag] = message
        if len(self.unsettled) > MAX_UNSETTLED:
            drop_oldest(self.unsettled, MAX_UNSETTLED)  # they were settled where we were not to look

    def take_unanswered(self) -> Iterator[OpenSettlement]:
        """Yield the settlements that the broker has not answered, which are the caller's to end."""
        while True:
            try:
                settlement = self.unanswered_settlements.popleft()
            except IndexError:  # the last one; perhaps another thread has taken it
                return
            yield settlement


class Confirms:
    """The sends of one channel that wait for their numbers to be confirmed."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self.number = 0
        self.waiting: dict[int, UnconfirmedSend] = {}

    def answered(self, confirm: PublisherConfirm) -> None:
        """End the sends that a confirm stands for."""
        up_to = [number for number in list(self.waiting) if number <= confirm.number or not confirm.number]
        for number in up_to if confirm.multiple else [confirm.number]:
            sending = self.waiting.pop(number, None)
            if sending is not None and confirm.refused:
                sending.failed(Outcome(semconv.NACKED, "the broker refused the message"))
            elif sending is not None:
                sending.acknowledged(None)
