"""The mock broker that librdkafka brings along: it fails as it is told to, which a real one does not.

The library inside the wheel of confluent-kafka is called by ctypes, for the wheel itself gives no access to it.
"""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import confluent_kafka

if TYPE_CHECKING:
    from collections.abc import Iterator

PRODUCER, PRODUCE, BROKER = 0, 0, 1
NOT_LEADER = 6
Pointer, Text, Number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
SIGNATURES: dict[str, tuple[object, ...]] = {
    "rd_kafka_new": (Pointer, Number, Pointer, Text, ctypes.c_size_t),
    "rd_kafka_destroy": (None, Pointer),
    "rd_kafka_mock_cluster_new": (Pointer, Pointer, Number),
    "rd_kafka_mock_cluster_destroy": (None, Pointer),
    "rd_kafka_mock_cluster_bootstraps": (Text, Pointer),
    "rd_kafka_mock_topic_create": (Number, Pointer, Text, Number, Number),
    "rd_kafka_mock_broker_set_rtt": (Number, Pointer, ctypes.c_int32, Number),
    "rd_kafka_mock_push_request_errors_array": (
        None, Pointer, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(Number),
    ),
}  # fmt: skip


class Mock:
    """A mock broker by its address."""

    def __init__(self, library: ctypes.CDLL, cluster: int) -> None:
        self._library = library
        self._cluster = cluster
        self.address: str = library.rd_kafka_mock_cluster_bootstraps(cluster).decode()

    def topic(self, name: str) -> None:
        """Make a topic with one partition."""
        self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), 1, 1)

    def answer_after(self, milliseconds: int) -> None:
        """Have every answer take so long."""
        self._library.rd_kafka_mock_broker_set_rtt(self._cluster, BROKER, milliseconds)

    def refuse(self, *errors: int) -> None:
        """Have the next requests to store messages answered by these errors; 0 is none."""
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, PRODUCE, len(errors), (Number * len(errors))(*errors)
        )


@contextmanager
def mock() -> Iterator[Mock]:
    """Have a mock broker for the length of the block."""
    library = _library()
    client = library.rd_kafka_new(PRODUCER, None, None, 0)
    cluster = library.rd_kafka_mock_cluster_new(client, BROKER)
    try:
        yield Mock(library, cluster)
    finally:
        library.rd_kafka_mock_cluster_destroy(cluster)
        library.rd_kafka_destroy(client)


def _library() -> ctypes.CDLL:
    [path] = Path(confluent_kafka.__file__).parents[1].glob("confluent_kafka.libs/librdkafka-*.so*")
    library = ctypes.CDLL(str(path))
    for name, (result, *arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
