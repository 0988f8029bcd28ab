"""The client that stands for an object of a library."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

from otel_eda.config import on_reload
from otel_eda.core.clients.client import Client
from otel_eda.core.message import Identity
from otel_eda.core.runtime.guard import guarded

if TYPE_CHECKING:
    from otel_eda.core.clients.client import Origin


ATTRIBUTE = "_otel_eda"


_live_clients: dict[int, ref[Client]] = {}


# By address: an instance of a class made in C may allow neither attributes nor weak references. Then its end goes
# unnoticed, but a new instance at its address does not.
_clients_without_attributes: dict[int, Client] = {}


def live_clients() -> list[Client]:
    """Return every client that is alive, whatever other threads make or drop meanwhile."""
    # `list` of a dict's values is one step of the interpreter; iterating a `WeakSet` fails if a thread adds to it.
    return [client for reference in list(_live_clients.values()) if (client := reference()) is not None]


@on_reload
def _apply_settings() -> None:
    for client in live_clients():
        client.apply_settings()


def owner_of(instance: Any, library: Origin) -> Any:
    """Return the object whose client an object's calls belong to."""
    return instance if library.owner is None else library.owner(instance)


def existing_client(instance: Any) -> Client | None:
    """Return the client of a library's producer or consumer, or None before its first use."""
    attributes = getattr(instance, "__dict__", None)
    return _clients_without_attributes.get(id(instance)) if attributes is None else attributes.get(ATTRIBUTE)


def client_of(instance: Any, library: Origin) -> Client:
    """Return the client of a library's producer or consumer, made at its first use."""
    owner = instance if library.owner is None else library.owner(instance)
    attributes = getattr(owner, "__dict__", None)
    client = existing_client(owner) if attributes is None else attributes.get(ATTRIBUTE)
    return client or _remember(Client(library, owner, identity_of(owner, library) or Identity()), owner)


@guarded
def identity_of(instance: Any, library: Origin) -> Identity | None:
    """Return who a client is, or None if that cannot be read: then its spans have no server, but there are spans."""
    return library.identify(instance)


def new_client(instance: Any, library: Origin, identity: Identity) -> Client:
    """Return a new client for a producer or consumer that has just been constructed."""
    former = _clients_without_attributes.pop(id(instance), None)
    if former is not None:
        former.finalize()
    return _remember(Client(library, instance, identity), instance)


def forget_clients(library: Origin) -> None:
    """Drop the clients of a library whose objects may end unnoticed."""
    for instance_id, client in list(_clients_without_attributes.items()):
        if client.library is library:
            _clients_without_attributes.pop(instance_id, None)


def _remember(client: Client, instance: Any) -> Client:
    attributes = getattr(instance, "__dict__", None)
    known_client = (
        _clients_without_attributes.setdefault(id(instance), client)
        if attributes is None
        else attributes.setdefault(ATTRIBUTE, client)
    )
    _live_clients[id(known_client)] = ref(known_client, partial(_forget_dropped, id(known_client)))
    return cast("Client", known_client)


def _forget_dropped(identity: int, reference: ref[Client]) -> None:
    if _live_clients.get(identity) is reference:  # else another client is at its address
        del _live_clients[identity]
