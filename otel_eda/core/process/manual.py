"""Messages processed by hand: `with otel_eda.process(message):` where no loop of ours surrounds the code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

from otel_eda import semconv
from otel_eda.config import on_reload
from otel_eda.core import propagation
from otel_eda.core.clients.client import Client, last_consumers
from otel_eda.core.clients.instances import client_of, live_clients, owner_of
from otel_eda.core.clients.library import enabled
from otel_eda.core.message import Headers, Identity, Message
from otel_eda.core.process import deferral
from otel_eda.core.process.processing import begin_processing, open_processings
from otel_eda.core.runtime.bounds import drop_oldest
from otel_eda.core.runtime.contexts import PROCESSING, attach, current_context, get_current, suppressed
from otel_eda.core.runtime.guard import attribute_of, guarded
from otel_eda.core.runtime.state import on_fork, on_reset
from otel_eda.core.telemetry.hooks import NO_HOOKS, Hooks
from otel_eda.core.telemetry.providers import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from typing_extensions import Self

    from otel_eda.core.clients.client import Origin
    from otel_eda.core.clients.library import Library
    from otel_eda.core.message import Attributes
    from otel_eda.core.process.processing import Processing


class Process:
    """A process span around a block: `with otel_eda.process(message):`.

    A message of an instrumented library gets one process span, not two: the span that its loop began is taken over,
    also by another thread. For any other message say where it came from: `destination`, `system`, and `headers` (pairs
    or a mapping; by default the message's attribute or key `headers`).
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
            attach(Context(processing.context))  # the loop, or a worker, still has its own to restore

    def _take_over(self) -> Processing | None:
        # A library may hand a message over as a tuple of parts, one of which is the record.
        current: Processing | None = get_current().get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
        for part in (self._message, *(self._message if isinstance(self._message, tuple) else ())):
            processing = open_processings.take_over(part, current)
            if processing is not None:
                processing.take_over()
                return processing
        return None

    def _begin(self) -> Processing | None:
        client, message = self._read()
        if client.library.telemetry.find_scope() is None or suppressed(get_current()):
            return None
        return begin_processing(client, self._message, message, manual=True)

    def _read(self) -> tuple[Client, Message]:
        client_and_message = _known_message(self._message)
        if client_and_message is not None and self._origin == (None, None, None):
            return client_and_message
        destination, system, headers = self._origin
        own_headers = headers if headers is not None else _headers_of(self._message)
        return _client_of_system(system or "custom"), Message(
            destination or type(self._message).__name__, headers=own_headers
        )

    @guarded
    def _end(self, error: BaseException | None) -> None:
        if self._processing is not None:
            self._processing.end(error)
        if self._outer_context is not None and self._outer_context is not get_current():
            attach(self._outer_context)


def _known_message(item: Any) -> tuple[Client, Message] | None:
    # Read from the message alone: its consumer may be gone, or in the process that has spawned this one.
    package = type(item).__module__.partition(".")[0]
    for library in sorted(enabled.values(), key=lambda library: library.package != package):
        message = _message_of(library, item)
        if message is not None:
            return _consumer_of(library, item, message.destination), message
    return None


@guarded
def _message_of(library: Library, item: Any) -> Message | None:
    message = library.message(item)
    return message if message is not None and isinstance(message.destination, str) else None  # else it is a mock


def _consumer_of(library: Library, item: Any, destination: str) -> Client:
    if owner_of(item, library) is not item:
        return client_of(item, library)
    for client in live_clients():
        if client.library is library and destination in client.consumed_destinations:
            return client
    return _stand_in(library, last_consumers.get((library.system, destination), Identity()))


@guarded
def _headers_of(item: Any) -> Headers:
    headers = item.get("headers") if isinstance(item, dict) else attribute_of(item, "headers")
    return headers() if callable(headers) else headers


class _UnknownOrigin:
    """The origin of messages that no adapter knows."""

    name = "process"
    confined = False
    telemetry = Telemetry("process")
    hooks = NO_HOOKS
    owner: Callable[[Any], Any] | None = None

    def __init__(self, system: str) -> None:
        self.system = system

    def message(self, _: Any) -> None:
        """Return None: whoever processes such a message says what it is."""

    def positions(self, _: Any) -> tuple[()]:
        """Return no position: nobody consumes from here."""
        return ()

    def empty(self, _: BaseException) -> bool:
        """Return False: nobody pulls from here."""
        return False

    def identify(self, _: Any) -> Identity:
        """Return an identity of which nothing is known."""
        return Identity()

    def learnt(self, _: Any) -> Attributes:
        """Return nothing: no more will be known of such a client."""
        return {}


telemetry = _UnknownOrigin.telemetry


def use_hooks(hooks: Hooks) -> None:
    """Call these hooks with the spans of messages that no adapter knows."""
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
    """Return the client that stands in for a consumer that is gone or was never known."""
    client = _stand_ins.get((id(origin), identity))
    if client is None:
        client = _stand_ins.setdefault((id(origin), identity), Client(origin, origin, identity))
        drop_oldest(_stand_ins, semconv.ATTRIBUTE_SETS)
    return client


def _client_of_system(system: str) -> Client:
    return _stand_in(_unknown_origin(system), Identity())


def headers_with(headers: Any, added: Iterable[tuple[str, str]]) -> Any:
    """Return a copy of a mapping or of a list of pairs, values text or bytes, with more headers."""
    if headers is None:
        return dict(added)
    if isinstance(headers, Mapping):
        return {**headers, **dict(added)}
    binary = not headers or any(isinstance(value, bytes) for _, value in headers)
    return [*headers, *((name, value.encode() if binary else value) for name, value in added)]


def inject(headers: Any = None) -> Any:
    """Return a copy of `headers` that also carries the current context.

    A mapping or None gives a dict of str. A list of pairs gives a list; its values are bytes if its own values are, or
    if it is empty. Headers that were there stay as they are.
    """
    return headers_with(headers, propagation.inject(current_context()).items())


def extract(headers: Headers) -> Context:
    """Return the context that headers carry: a mapping or pairs, values str or bytes, names in any case."""
    return propagation.extract(headers)[0]
