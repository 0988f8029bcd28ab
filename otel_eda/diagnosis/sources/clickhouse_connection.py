"""A connection to a ClickHouse: its version, its errors in a line, and bounds and a name for each query."""

from __future__ import annotations

import logging
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from otel_eda.diagnosis import UnusableError

from .clickhouse_address import password
from .clickhouse_errors import reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client

    from .clickhouse_address import Address

OLDEST = (26, 3)
# What a query of ours may take there; a server that lets nobody change this has bounds of its own.
BOUNDS = {"max_memory_usage": 2 * 10**9, "max_execution_time": 120, "max_threads": 2, "priority": 10}
# The client logs errors that it raises, too; without a handler Python would print them.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())


@contextmanager
def connected(place: Address) -> Iterator[Client]:
    """Yield a client; raises `UnusableError` for whatever goes wrong in the block."""
    try:
        with connect(place) as client:
            yield client
    except (ClickHouseError, HTTPError) as error:  # the latter where an answer breaks off
        raise UnusableError(f"{place.name}: {reason(error, place.user)}") from error
    except OSError as error:  # a file of certificates, or the disk of what is written here
        raise UnusableError(f"{place.name}: {error}") from error


def connect(place: Address) -> Client:
    """Return a client; raises `UnusableError` if the server is too old."""
    client = clickhouse_connect.get_client(
        interface="https" if place.secure else "http",
        host=place.host,
        port=place.port,
        username=place.user,
        password=password(),
        database=place.database,
        ca_cert=place.files.get("ca"),
        client_cert=place.files.get("cert"),
        client_cert_key=place.files.get("key"),
        client_name="otel-eda",
        autogenerate_session_id=False,
        query_retries=0,
    )
    version = tuple(int(part) for part in str(client.server_version).split(".")[:2])
    if version < OLDEST:
        raise UnusableError(
            f"{place.name}: ClickHouse {client.server_version}; it has to be {'.'.join(map(str, OLDEST))} or newer"
        )
    return client


def bounds(client: Client, what: str) -> dict[str, Any]:
    """Return a query's settings, as far as this user may set them: its bounds, and what tells it from others."""
    wanted = {**BOUNDS, "log_comment": f"otel-eda {what}"}
    free = {name: value for name, value in wanted.items() if not client.server_settings[name].readonly}
    return {**free, "query_id": f"otel-eda-{what}-{uuid.uuid4()}"}
