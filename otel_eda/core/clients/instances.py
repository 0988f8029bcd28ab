"""Which client an object of a library is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

from otel_eda.core.clients.client import Client

if TYPE_CHECKING:
    from otel_eda.core.clients.library import Library
    from otel_eda.core.message import Identity


ATTRIBUTE = "_otel_eda"


clients: WeakSet[Client] = WeakSet()
"""Every client that is alive."""


# An instance of a class made in C may have neither attributes nor weak references: then its end goes unnoticed, but not
# that another one is in its place.
_bare: dict[int, Client] = {}


def known(instance: Any) -> Client | None:
    """Give what is known of a library's producer or consumer, None if it has not been used yet."""
    attributes = getattr(instance, "__dict__", None)
    return _bare.get(id(instance)) if attributes is None else attributes.get(ATTRIBUTE)


def client_of(instance: Any, library: Library) -> Client:
    """Give the client of a library's producer or consumer, made at its first use."""
    owner = library.owner(instance)
    return known(owner) or _keep(Client(library, owner, library.identify(owner)), owner)


def adopt(instance: Any, library: Library, identity: Identity) -> Client:
    """Know a producer or consumer from its construction on."""
    former = _bare.pop(id(instance), None)
    if former is not None:
        former.gone()
    return _keep(Client(library, instance, identity), instance)


def release(library: Library) -> None:
    """Know no instance of a library any more that may end unnoticed."""
    for place in [place for place, client in _bare.items() if client.library is library]:
        del _bare[place]


def _keep(client: Client, instance: Any) -> Client:
    attributes = getattr(instance, "__dict__", None)
    kept = _bare.setdefault(id(instance), client) if attributes is None else attributes.setdefault(ATTRIBUTE, client)
    clients.add(kept)
    return cast("Client", kept)
