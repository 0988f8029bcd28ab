"""Which client an object of a library is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

from otel_eda.config import on_reload
from otel_eda.core.clients.client import Client

if TYPE_CHECKING:
    from otel_eda.core.clients.client import Origin
    from otel_eda.core.message import Identity


ATTRIBUTE = "_otel_eda"


_live_clients: dict[int, ref[Client]] = {}


# An instance of a class made in C may have neither attributes nor weak references: then its end goes unnoticed, but not
# that another one is in its place.
_clients_without_attributes: dict[int, Client] = {}


def live_clients() -> list[Client]:
    """Return every client that is alive, whatever other threads make or drop meanwhile."""
    # `list` of a dict's values is one step of the interpreter; over a `WeakSet` it fails when another thread adds one.
    return [client for one in list(_live_clients.values()) if (client := one()) is not None]


@on_reload
def _apply_settings() -> None:
    for client in live_clients():
        client.apply_settings()


def existing_client(instance: Any) -> Client | None:
    """Give what is known of a library's producer or consumer, None if it has not been used yet."""
    attributes = getattr(instance, "__dict__", None)
    return _clients_without_attributes.get(id(instance)) if attributes is None else attributes.get(ATTRIBUTE)


def client_of(instance: Any, library: Origin) -> Client:
    """Give the client of a library's producer or consumer, made at its first use."""
    owner = library.owner(instance)
    return existing_client(owner) or _remember(Client(library, owner, library.identify(owner)), owner)


def new_client(instance: Any, library: Origin, identity: Identity) -> Client:
    """Know a producer or consumer from its construction on."""
    former = _clients_without_attributes.pop(id(instance), None)
    if former is not None:
        former.finalize()
    return _remember(Client(library, instance, identity), instance)


def forget_clients(library: Origin) -> None:
    """Know no instance of a library any more that may end unnoticed."""
    for place in [place for place, client in _clients_without_attributes.items() if client.library is library]:
        del _clients_without_attributes[place]


def _remember(client: Client, instance: Any) -> Client:
    attributes = getattr(instance, "__dict__", None)
    kept = (
        _clients_without_attributes.setdefault(id(instance), client)
        if attributes is None
        else attributes.setdefault(ATTRIBUTE, client)
    )
    _live_clients[id(kept)] = ref(kept, partial(_forget_dropped, id(kept)))
    return cast("Client", kept)


def _forget_dropped(identity: int, one: ref[Client]) -> None:
    if _live_clients.get(identity) is one:  # else another client has come to be at its address
        del _live_clients[identity]
