"""The turns of one loop: where each begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from . import bodies, deferral, turns
from .guard import failed, guarded

if TYPE_CHECKING:
    from types import FrameType

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

    from .client import Client
    from .message import Message
    from .propagation import Found
    from .turns import Turn

Polled: TypeAlias = "tuple[Message, Context, SpanContext | None]"
"""A polled message and what its headers carry."""


class Pulled(Protocol):
    """One pulled message."""

    client: Client
    record: Any

    def message(self) -> Message | None:
        """Count it and read it, None if it is no message."""


class Steps:
    """The turns of one loop, one after the other."""

    __slots__ = ("asked", "client", "copying", "deferring", "started", "turn", "watch")

    def __init__(self, client: Client, frame: FrameType) -> None:
        self.client = client
        self.turn: Turn | None = None
        self.watch: bodies.Watch | None = None
        self.copying = self.started = False
        self.asked = self._place(frame)
        self.deferring = deferral.deferred_in(frame)

    @staticmethod
    def _place(frame: FrameType) -> tuple[int, int]:
        return id(frame), frame.f_lasti

    @guarded
    def ask(self, frame: FrameType) -> None:
        """Note who asks for the iterator."""
        self.asked = self._place(frame)

    def over(self, frame: FrameType) -> None:
        """End the turn, since this frame, which runs the body, comes for its next message."""
        try:
            if not self.started:
                # Asked for and drained by one instruction: a copy (`list`, `sorted`, unpacking) runs nobody's code.
                self.started, self.copying = True, self.asked == self._place(frame)
            turn, watch = self.turn, self.watch
            if turn is not None:
                self.turn = None
                deferral.over(turn, self.client, self.deferring)
            if (watch is None or watch.frame != id(frame) or watch.code is not frame.f_code) and not self.copying:
                self._follow(frame)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is ours
            failed("core.steps.Steps.over", error)

    def _follow(self, frame: FrameType) -> None:
        if self.watch is not None:
            self.watch.close()
        self.watch = bodies.Watch(frame, self._unwound)

    def pulled(self, pulled: Pulled) -> None:
        """Begin the turn of a message that was pulled just now."""
        try:
            message = pulled.message()
            if message is not None:
                self._begin(pulled.record, message, None)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is ours
            failed("core.steps.Steps.pulled", error)

    @guarded
    def iterated(self, record: Any, polled: Polled | None) -> None:
        """Begin the turn of a message that was polled before; without one, for what the application has put in."""
        if polled is not None:
            message, context, origin = polled
            self._begin(record, message, (context, origin))

    def _begin(self, record: Any, message: Message, found: Found | None) -> None:
        if self.copying:
            self.client.jumped()  # of a copied message the ledger will hear nothing
        elif self.client.library.telemetry.scope is not None:
            self.turn = turns.begin(self.client, record, message, found)

    def _unwound(self, error: BaseException) -> None:
        if self.turn is not None:
            self.turn.fail(error)

    @guarded
    def drop(self, frame: FrameType | None) -> None:
        """End the last turn, since the loop has dropped its iterator."""
        watch, self.watch = self.watch, None
        turn, self.turn = self.turn, None
        if watch is None:
            return
        error = watch.outcome(frame)
        watch.close()
        if turn is not None:
            deferral.over(turn, self.client, self.deferring, error)

    @guarded
    def finish(self) -> None:
        """Follow the loop no longer, since it has come to its end."""
        if self.watch is not None:
            self.watch.close()
            self.watch = None
