"""The sockets that were used."""

from __future__ import annotations

import weakref
from typing import Any

from otel_eda.core import guarded

from . import options
from .options import option
from .wire import Wire, holding

wires: dict[int, Wire] = {}
"""Every socket that was used, by its address in the library."""


def wire_of(socket: Any) -> Wire | None:
    """Return the wire of a socket whose messages consist of frames, or None for any other socket."""
    address = getattr(socket, "underlying", 0)
    wire = wires.get(address) or _new(socket, address)
    return wire if wire is not None and wire.framed else None


def owner(socket: Any) -> Any:
    """Return the object by which a socket was used first: its shadows stand for the same socket."""
    wire = wires.get(socket.underlying)
    first = None if wire is None or wire.owner is None else wire.owner()
    if first is None and wire is not None:
        wire.owner = weakref.ref(socket)
    return socket if first is None else first


@guarded
def _new(socket: Any, address: int) -> Wire | None:
    if not address or socket.closed:
        return None
    wire = Wire(option(socket, options.TYPE))
    wire.read_endpoint(socket)
    return wires.setdefault(address, wire)


def forget() -> None:
    """Forget every socket, once none is watched any more."""
    wires.clear()
    holding.clear()
