"""Messages that a framework pulls in one place and processes in another, perhaps in another task or thread.

A pull in the first place begins no processing: the message waits until the second place takes it.
"""

from __future__ import annotations

import sys
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

from otel_eda import semconv
from otel_eda.core.clients.library import Library
from otel_eda.core.message import Unsettled
from otel_eda.core.process import deferral
from otel_eda.core.process.processing import begin_processing, open_processings
from otel_eda.core.propagation import trust
from otel_eda.core.runtime.contexts import PROCESSING, get_current
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import passes_through
from otel_eda.core.runtime.state import on_fork, on_reset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType, FrameType
    from weakref import ReferenceType

    from otel_eda.core.clients.client import Client, Origin
    from otel_eda.core.clients.in_flight import WorkerCode
    from otel_eda.core.message import Message
    from otel_eda.core.patching.patch import Switch
    from otel_eda.core.process.processing import Processing
    from otel_eda.core.propagation.headers import Extracted
    from otel_eda.core.propagation.trust import Polled

KnownBy: TypeAlias = "Callable[[Any], Any]"
_OWN_REFERENCES = 2  # references to an object that only `Waiting` holds: its own and the question's

waiting: dict[int, Waiting] = {}
"""Every message that waits, by the identity of the object by which it is known to the place that processes it."""
fetching: ContextVar[list[Waiting] | None] = ContextVar("otel_eda.fetching", default=None)
"""The messages that were pulled within a call that fetches, None outside of such a call."""
loops: dict[CodeType, tuple[KnownBy, Switch]] = {}
"""The code of loops that fetch, and what gives, of a pulled message, the object by which it is known."""
batch: ContextVar[tuple[Processing, ...]] = ContextVar("otel_eda.batch", default=())
"""The processings of the batch that is processed here by one call, none of which is current."""
on_reset(waiting.clear)
on_fork(waiting.clear)


class Waiting:
    """A message that waits for the place that processes it; for `deferral` it is one whose processing is over."""

    __slots__ = (
        "body_ended_at",
        "client",
        "delivery_tag",
        "done",
        "extracted",
        "known",
        "manual",
        "message",
        "pending_error",
        "queued",
        "record",
    )

    start = went_on = 0
    keeper: ReferenceType[WorkerCode] | None = None

    def __init__(self, client: Client, record: Any, message: Message, extracted: Extracted | None = None) -> None:
        self.client = client
        self.record = record
        self.message = message
        settings = client.process_route(message.destination).settings
        self.extracted = extracted or trust.incoming_context(message, settings)
        self.queued = 0
        self.known: Any = None
        self.pending_error: BaseException | None = None
        self.manual = self.done = False
        self.delivery_tag = message.delivery_tag
        self.body_ended_at = time.time_ns()

    @property
    def message_is_held(self) -> bool:
        """Whether anybody else holds the object by which the message is known."""
        return sys.getrefcount(self.known) > _OWN_REFERENCES

    def keep(self, known: Any) -> None:
        """Wait for as long as somebody holds this object."""
        self.client.manual = True  # somebody else processes it: that may take any time
        self.wait(known)
        deferral.finish_unheld(self.client)

    def wait(self, known: Any) -> None:
        """Wait for whoever is handed this object."""
        self.known = known
        waiting[id(known)] = self
        self.client.deferred_processing.append(self)

    def end(self, error: BaseException | None = None, at: int | None = None) -> None:  # noqa: ARG002  # as processings do
        """Wait no longer: nobody processes the message, so there is no span of that."""
        self.done = True
        if waiting.get(id(self.known)) is self:
            del waiting[id(self.known)]
        self.known = self.record = None

    end_unguarded = end

    def end_unless_manual(self, error: BaseException | None) -> None:
        """Wait no longer."""
        self.end(error)

    def detach(self) -> None:
        """Bring back no context: there is none of its own."""


class Copy(Waiting):
    """A message that was copied out of its batch, which is nobody's loop: who is handed it later processes it."""

    __slots__ = ()

    @property
    def message_is_held(self) -> bool:
        """Whether anybody else holds the message."""
        return sys.getrefcount(self.known) > _OWN_REFERENCES + 1

    def await_hand(self) -> None:
        """Wait until the message is handed on, while somebody holds it; nobody may ever hand it on."""
        self.wait(self.record)
        deferral.finish_unheld(self.client)


def copy_of(record: Any) -> Copy | None:
    """Return what waits for whoever is handed this very object; None if nothing does."""
    item = waiting.get(id(record))
    return item if type(item) is Copy and item.known is record else None


@guarded
def keep(client: Client, record: Any, polled: Polled | None) -> None:
    """Let a message of a batch that the application keeps after a loop's pass wait for who is handed it."""
    if polled is not None and open_processings.find(record) is None:
        Copy(client, record, polled[0], polled[1:]).wait(record)  # the loop has just looked for those that nobody holds


def known_by(frame: FrameType | None) -> KnownBy | None:
    """Return what gives the object by which a message is known that this frame's loop fetches, None if it does not."""
    if frame is None or frame.f_code not in loops:
        return None
    known, switch = loops[frame.f_code]
    return known if switch.on else None


def fetched(
    client: Client,
    record: Any,
    message: Message,
    known_by: KnownBy | None = None,
    pulled: list[Waiting] | None = None,
) -> None:
    """Let a message wait that was pulled just now; without `known_by` the call that fetches says by which object.

    That is the call to which `pulled` belongs, by default the one around.
    """
    if message.offset is not None and message.partition is not None:
        client.record_batch(message.destination, message.partition, [message.offset])
    item, pulled = Waiting(client, record, message), fetching.get() if pulled is None else pulled
    if known_by is not None:
        item.keep(known_by(record))
    elif pulled is not None:
        pulled.append(item)
    if message.unsettled and message.delivery_tag is not None:
        # It may be settled without being processed, if the framework can make nothing of it.
        origin = item.extracted[1]
        unsettled = Unsettled(message.destination, message.queue, origin, message.id, message.conversation)
        client.await_settlement(message.delivery_tag, unsettled)
        message.unsettled = False


def _is_recorded(library: Origin) -> bool:
    return isinstance(library, Library) and library.on and not passes_through(library.telemetry)


@guarded
def begin(known: Any) -> Processing | None:
    """Begin the processing of the message that waits under this object; return None if none does."""
    item = waiting.get(id(known))
    if item is None or item.known is not known or not _is_recorded(item.client.library):
        return None
    if waiting.pop(id(known), None) is not item:
        return None  # another thread was faster
    record = item.record
    item.end()
    processing = begin_processing(item.client, record, item.message, item.extracted)
    processing.in_callback = True
    return processing


@guarded
def begin_batch(known: tuple[Any, ...]) -> tuple[Processing, ...]:
    """Begin the processings of the messages of a batch that wait under these objects, and make none of them current.

    What one call does for several messages is not caused by one of them.
    """
    processings = []
    for one in known:
        processing = begin(one)
        if processing is not None:
            processing.detach()
            processings.append(processing)
            if len(known) > 1:
                processing.span.set_attribute(semconv.BATCH_COUNT, len(known))
    return tuple(processings)


@guarded
def end_batch(processings: tuple[Processing, ...], error: BaseException | None) -> None:
    """End the processings of a batch; if it has failed, nobody knows which of several messages have not."""
    for processing in processings:
        ledger = processing.partition_ledger
        if ledger is not None and len(processings) > 1 and (error or processing.failure) is not None:
            ledger.give_up(processing.offset)
            processing.partition_ledger = None
        end(processing, error)


def current_processing() -> Processing | None:
    """Return the processing that the code here is in, or None."""
    processing: Processing | None = get_current().get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
    return processing


def at_work() -> Iterable[Processing]:
    """Return the processings of the message or batch that the code here works on."""
    current = current_processing()
    at_hand = batch.get() if current is None or current.done else (current,)
    return [processing for processing in at_hand if not processing.done]


@guarded
def end(processing: Processing, error: BaseException | None) -> None:
    """End the processing, or leave it to whoever has taken it over by hand."""
    deferral.finish_or_defer(processing, processing.client, deferral.uses_manual, error)
