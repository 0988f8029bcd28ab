"""Processing a message by hand: `with otel_eda.process(message):` where no loop of ours is around."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from opentelemetry.context import attach, get_current

from otel_eda import semconv
from otel_eda.config import on_reload
from otel_eda.core import propagation
from otel_eda.core.clients.client import Client, last_consumers
from otel_eda.core.clients.instances import client_of, live_clients
from otel_eda.core.clients.library import enabled
from otel_eda.core.message import Headers, Identity, Message
from otel_eda.core.process import deferral
from otel_eda.core.process.processing import begin_processing, open_processings
from otel_eda.core.runtime.contexts import current_context, suppressed
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_fork, on_reset
from otel_eda.core.telemetry.hooks import NO_HOOKS, Hooks
from otel_eda.core.telemetry.providers import Telemetry

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from opentelemetry.context import Context
    from typing_extensions import Self

    from otel_eda.core.clients.client import Origin
    from otel_eda.core.clients.library import Library
    from otel_eda.core.message import Attributes
    from otel_eda.core.process.processing import Processing


class Process:
    """A process span around a block: `with otel_eda.process(message):`.

    A message of an instrumented library gets one process span, not two: the one that its loop began is taken over, also
    by another thread. For any other message say where it came from: `destination`, `system`, and `headers` (pairs or a
    mapping; by default its attribute or key `headers`).
    """

    def __init__(
        self, message: Any, *, destination: str | None = None, system: str | None = None, headers: Headers = None
    ) -> None:
        self._message = message
        self._origin = destination, system, headers
        self._processing: Processing | None = None
        self._outer_context: Context | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        self._end(error)

    @guarded
    def _start(self) -> None:
        deferral.set_uses_manual()
        self._processing = processing = self._take_over() or self._begin()
        if processing is not None and get_current() is not processing.context:
            self._outer_context = get_current()
            attach(processing.context)

    def _take_over(self) -> Processing | None:
        # A library may hand a message over as a tuple of its parts, one of which stands for it.
        for part in (self._message, *(self._message if isinstance(self._message, tuple) else ())):
            processing = open_processings.get(id(part))
            if processing is not None and processing.record is part and not processing.manual:
                processing.take_over()
                return processing
        return None

    def _begin(self) -> Processing | None:
        client, message = self._read()
        if client.library.telemetry.find_scope() is None or suppressed(get_current()):
            return None
        return begin_processing(client, self._message, message, manual=True)

    def _read(self) -> tuple[Client, Message]:
        known = _known_message(self._message)
        if known is not None and self._origin == (None, None, None):
            return known
        destination, system, headers = self._origin
        given = headers if headers is not None else _headers_of(self._message)
        return _client_of_system(system or "custom"), Message(
            destination or type(self._message).__name__, headers=given
        )

    @guarded
    def _end(self, error: BaseException | None) -> None:
        if self._processing is not None:
            self._processing.end(error)
        if self._outer_context is not None and self._outer_context is not get_current():
            attach(self._outer_context)


def _known_message(item: Any) -> tuple[Client, Message] | None:
    # Of the message itself, since its consumer may be gone, or in the process that this one was spawned by.
    package = type(item).__module__.partition(".")[0]
    for library in sorted(enabled.values(), key=lambda library: library.package != package):
        message = library.message(item)
        if message is not None:
            return _consumer_of(library, item, message.destination), message
    return None


def _consumer_of(library: Library, item: Any, destination: str) -> Client:
    if library.owner(item) is not item:
        return client_of(item, library)
    for client in live_clients():
        if client.library is library and destination in client.consumed_destinations:
            return client
    return _stand_in(library, last_consumers.get((library.system, destination), Identity()))


@guarded
def _headers_of(item: Any) -> Headers:
    found = item.get("headers") if isinstance(item, dict) else getattr(item, "headers", None)
    return found() if callable(found) else found


class _UnknownOrigin:
    """Where a message came from that no adapter knows."""

    telemetry = Telemetry("process")
    hooks = NO_HOOKS

    def __init__(self, system: str) -> None:
        self.system = system

    def message(self, _: Any) -> None:
        """Read nothing: who processes such a message says what it is."""

    def positions(self, _: Any) -> tuple[()]:
        """Tell none."""
        return ()

    def empty(self, _: BaseException) -> bool:
        """Tell none: nothing is pulled from nowhere."""
        return False

    def owner(self, item: Any) -> Any:
        """Know of no other owner."""
        return item

    def identify(self, _: Any) -> Identity:
        """Know nothing of a client."""
        return Identity()

    def learnt(self, _: Any) -> Attributes:
        """Know nothing, and never more."""
        return {}


telemetry = _UnknownOrigin.telemetry


def use_hooks(hooks: Hooks) -> None:
    """Have these called with the spans of messages that no adapter knows."""
    _UnknownOrigin.hooks = hooks


@on_reset
def _forget_hooks() -> None:
    use_hooks(NO_HOOKS)


_stand_ins: dict[tuple[int, Identity], Client] = {}
on_reset(_stand_ins.clear)
on_fork(_stand_ins.clear)


@on_reload
def _apply_settings() -> None:
    for client in list(_stand_ins.values()):
        client.apply_settings()


_unknown_origin = cache(_UnknownOrigin)


def _stand_in(origin: Origin, identity: Identity) -> Client:
    """Return the client by which messages are processed whose consumer is gone or was never known."""
    found = _stand_ins.get((id(origin), identity))
    if found is None:
        if len(_stand_ins) >= semconv.ATTRIBUTE_SETS:
            _stand_ins.clear()
        found = _stand_ins[id(origin), identity] = Client(origin, origin, identity)
    return found


def _client_of_system(system: str) -> Client:
    return _stand_in(_unknown_origin(system), Identity())


def headers_with(headers: Any, more: Iterable[tuple[str, str]]) -> Any:
    """Give a copy of a mapping or a list of pairs (str or bytes values) with more headers."""
    if headers is None:
        return dict(more)
    if isinstance(headers, Mapping):
        return {**headers, **dict(more)}
    binary = not headers or any(isinstance(value, bytes) for _, value in headers)
    return [*headers, *((name, value.encode() if binary else value) for name, value in more)]


def inject(headers: Any = None) -> Any:
    """Give a copy of `headers` that carries the current context.

    A mapping or None gives a dict of str; a list of pairs gives a list, with bytes as values if its own values are
    or it is empty. What was there stays.
    """
    return headers_with(headers, propagation.inject(current_context()).items())


def extract(headers: Headers) -> Context:
    """Give the context that headers carry: a mapping or pairs, values str or bytes, names of any case."""
    return propagation.extract(headers)[0]
