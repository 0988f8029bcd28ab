"""Which client an object of a library is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

from otel_eda.core.clients.client import Client

if TYPE_CHECKING:
    from otel_eda.core.clients.client import Origin
    from otel_eda.core.message import Identity


ATTRIBUTE = "_otel_eda"


_alive: dict[int, ref[Client]] = {}


# An instance of a class made in C may have neither attributes nor weak references: then its end goes unnoticed, but not
# that another one is in its place.
_bare: dict[int, Client] = {}


def alive() -> list[Client]:
    """Return every client that is alive, whatever other threads make or drop meanwhile."""
    # `list` of a dict's values is one step of the interpreter; over a `WeakSet` it fails when another thread adds one.
    return [client for one in list(_alive.values()) if (client := one()) is not None]


def existing_client(instance: Any) -> Client | None:
    """Give what is known of a library's producer or consumer, None if it has not been used yet."""
    attributes = getattr(instance, "__dict__", None)
    return _bare.get(id(instance)) if attributes is None else attributes.get(ATTRIBUTE)


def client_of(instance: Any, library: Origin) -> Client:
    """Give the client of a library's producer or consumer, made at its first use."""
    owner = library.owner(instance)
    return existing_client(owner) or _keep(Client(library, owner, library.identify(owner)), owner)


def adopt(instance: Any, library: Origin, identity: Identity) -> Client:
    """Know a producer or consumer from its construction on."""
    former = _bare.pop(id(instance), None)
    if former is not None:
        former.gone()
    return _keep(Client(library, instance, identity), instance)


def release(library: Origin) -> None:
    """Know no instance of a library any more that may end unnoticed."""
    for place in [place for place, client in _bare.items() if client.library is library]:
        del _bare[place]


def _keep(client: Client, instance: Any) -> Client:
    attributes = getattr(instance, "__dict__", None)
    kept = _bare.setdefault(id(instance), client) if attributes is None else attributes.setdefault(ATTRIBUTE, client)
    _alive[id(kept)] = ref(kept, partial(_dropped, id(kept)))
    return cast("Client", kept)


def _dropped(identity: int, one: ref[Client]) -> None:
    if _alive.get(identity) is one:  # else another client has come to be at its address
        del _alive[identity]
