"""What all libraries' messages and clients have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Headers: TypeAlias = "Iterable[tuple[Any, Any]] | Mapping[Any, Any] | None"


@dataclass(slots=True)
class Message:
    """One message as an adapter reads it: it names what it has.

    `timestamp` is when the broker or producer stamped it, in milliseconds since 1970; `offset` is dense per partition.
    """

    destination: str
    partition: str | None = None
    offset: int | None = None
    headers: Headers = None
    timestamp: int | None = None
    tombstone: bool = False


@dataclass(frozen=True)
class Identity:
    """Which client this is: what an adapter knows without asking the broker."""

    client_id: str | None = None
    group: str | None = None
    server_address: str | None = None
    server_port: int | None = None
