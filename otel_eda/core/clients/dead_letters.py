"""Which queues dead-letter what is refused there, as far as the application itself has declared them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from otel_eda import semconv
from otel_eda.core.message import DestinationTemplate
from otel_eda.core.runtime.bounds import drop_oldest
from otel_eda.core.runtime.state import on_reset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_eda.core.message import Identity

    Queue: TypeAlias = tuple[str, int | None, str | None, str]

# By broker and name, for the whole process: one channel declares a queue, and another one reads it.
_declared: dict[Queue, bool] = {}
on_reset(_declared.clear)


def note_declared(identity: Identity, queue: str, dead_letters: bool) -> None:
    """Remember whether a queue was declared with a dead-letter exchange."""
    key = _key(identity, queue)
    if key is not None:
        _declared[key] = dead_letters
        drop_oldest(_declared, semconv.ATTRIBUTE_SETS)


def dead_letters(identity: Identity, queues: Iterable[str | None]) -> bool | None:
    """Return whether queues were all declared with a dead-letter exchange, or all without; None if it is not known."""
    known = {_lookup(identity, queue) for queue in queues}
    return known.pop() if len(known) == 1 else None


def _lookup(identity: Identity, queue: str | None) -> bool | None:
    key = None if queue is None else _key(identity, queue)
    return None if key is None else _declared.get(key)


def _key(identity: Identity, queue: str) -> Queue | None:
    name = queue.name if isinstance(queue, DestinationTemplate) else queue
    if identity.server_address is None or not name:
        return None  # two brokers may have queues of one name
    return identity.server_address, identity.server_port, identity.virtual_host, name
