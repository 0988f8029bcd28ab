"""Addresses of sockets: without a broker they are the destinations."""

from __future__ import annotations

import re

from otel_eda import semconv
from otel_eda.core import DestinationTemplate

UNBOUND = "unbound"
TCP = re.compile(r"tcp://(?:.*;)?([^/]+):(\d{1,5})")
_EPHEMERAL = 32_768  # from here on systems hand ports out to who asks for any: Linux from this one, others from 49,152
# Files that the library makes for `ipc://*`; object ids, random digits and UUIDs in the names of sockets in a process.
_MADE_UP = re.compile(
    r"(?<=^ipc:///tmp/tmp)\w{6}(?=/)|(?<![0-9a-f])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-)?(?:[0-9a-f]{12,}|\d{9,})(?![0-9a-f])",
    re.IGNORECASE,
)


def server(endpoint: str) -> tuple[str | None, int | None]:
    """Return the host of a TCP address, and its port if that stays the same."""
    found = TCP.fullmatch(endpoint)
    if found is None:
        return None, None
    port = int(found[2])
    return found[1].strip("[]"), port if port < _EPHEMERAL else None


def destination(endpoint: str) -> str:
    """Return the destination that an address is, a template where it is another one at each start."""
    found = TCP.fullmatch(endpoint)
    if found is None:
        return _named(endpoint, _MADE_UP.sub("{id}", endpoint), {})
    if int(found[2]) < _EPHEMERAL:
        return endpoint
    return _named(endpoint, endpoint[: found.start(2)] + "{port}", {semconv.SERVER_PORT: int(found[2])})


def _named(endpoint: str, template: str, more: dict[str, int]) -> str:
    if template == endpoint:
        return endpoint
    return DestinationTemplate(template, endpoint, more)
