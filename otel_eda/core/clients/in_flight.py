"""What may be open at a client: sends, processings, settlements, as far as a client asks anything of them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from otel_eda import semconv
from otel_eda.core.telemetry.errors import Outcome

if TYPE_CHECKING:
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
        """End it with why the message was not sent."""

    def abandoned(self, error: BaseException, /) -> None:
        """End it with why nobody waits for the answer any more."""


class UnconfirmedSend(OpenSend, Protocol):
    """A send that waits for its number to be confirmed."""

    def acknowledged(self, answer: Any, /) -> None:
        """End it with what the broker answered."""


class OpenProcessing(Protocol):
    """The processing of a message that has not ended; `body_ended_at` is when its code was over, 0 if it is not."""

    record: Any
    done: bool
    manual: bool
    body_ended_at: int
    pending_error: BaseException | None

    @property
    def message_is_held(self) -> bool:
        """Whether anybody else holds the message."""

    def end(self, error: BaseException | None = None, at: int | None = None) -> None:
        """End it."""

    def end_unguarded(self, error: BaseException | None = None, at: int | None = None) -> None:
        """End it, and raise what fails in that."""

    def end_unless_manual(self, error: BaseException | None) -> None:
        """End it, unless somebody processes the message by hand."""

    def detach(self) -> None:
        """Bring back the context from before."""


class Watching(Protocol):
    """What follows the frame that processes a message."""

    def close(self) -> None:
        """Follow no longer."""


class OpenSettlement(Protocol):
    """A settlement that the broker has not answered."""

    def failed(self, error: BaseException, /) -> None:
        """End it with why the broker has not got it."""


class PublisherConfirm(NamedTuple):
    """Which sends a broker confirms or refuses: that of a number, or all up to it (0: all there are)."""

    number: int
    multiple: bool = False
    refused: bool = False


class InFlight:
    """What is open at one client."""

    def __init__(self) -> None:
        self.pending_sends: dict[int, OpenSend] = {}
        self.confirms: Confirms | None = None
        self.processing_by_task: dict[int, tuple[OpenProcessing, Watching | None]] = {}
        self.followed_tasks: set[int] = set()
        self.deferred_processing: deque[OpenProcessing] = deque()
        self.unsettled: dict[int, Unsettled] = {}
        self.settle_calls = 0
        self.has_commit_callback = False
        self.unanswered_settlements: deque[OpenSettlement] = deque()

    def forget_open(self) -> None:
        """Leave what is open to the process that this one was forked from."""
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
        """Remember a message until it is settled."""
        if len(self.unsettled) >= MAX_UNSETTLED:
            self.unsettled.pop(next(iter(self.unsettled)))  # settled where we were not to look
        self.unsettled[delivery_tag] = message


class Confirms:
    """The sends of one channel that wait for their numbers to be confirmed."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self.number = 0
        self.waiting: dict[int, UnconfirmedSend] = {}

    def answered(self, confirm: PublisherConfirm) -> None:
        """End the sends that are meant."""
        up_to = [number for number in self.waiting if number <= confirm.number or not confirm.number]
        for number in up_to if confirm.multiple else [confirm.number]:
            sending = self.waiting.pop(number, None)
            if sending is not None and confirm.refused:
                sending.failed(Outcome(semconv.NACKED, "the broker refused the message"))
            elif sending is not None:
                sending.acknowledged(None)
