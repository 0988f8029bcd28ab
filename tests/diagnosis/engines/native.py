"""Blocks of ClickHouse's native format as clients of newer protocols want them: chdb writes those of the first."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

from clickhouse_driver.bufferedreader import BufferedSocketReader
from clickhouse_driver.bufferedwriter import BufferedSocketWriter
from clickhouse_driver.streams.native import BlockInputStream, BlockOutputStream

BUFFER_BYTES = 1 << 16
USUAL = {
    "use_numpy": False,
    "strings_as_bytes": False,
    "strings_encoding": "utf-8",
    "namedtuple_as_json": False,
    "server_side_params": False,
    "use_client_time_zone": False,
    "input_format_null_as_default": False,
}


class _Socket:
    def __init__(self, content: bytes = b"") -> None:
        self.source, self.sent = io.BytesIO(content), io.BytesIO()

    def recv_into(self, buffer: Any, *_: int) -> int:
        return self.source.readinto(buffer)

    def sendall(self, content: bytes) -> None:
        self.sent.write(bytes(content))


def revised(blocks: bytes, revision: int) -> bytes:
    """Return blocks as a client of a protocol's revision reads them."""
    socket = _Socket(blocks)
    reader = BufferedSocketReader(socket, BUFFER_BYTES)
    writer = BufferedSocketWriter(socket, BUFFER_BYTES)
    source, sink = BlockInputStream(reader, _context(0)), BlockOutputStream(writer, _context(revision))
    while socket.source.tell() < len(blocks) or reader.position < reader.current_buffer_size:
        sink.write(source.read())
    writer.flush()
    return socket.sent.getvalue()


def _context(revision: int) -> SimpleNamespace:
    server = SimpleNamespace(used_revision=revision, get_timezone=lambda: "UTC")
    return SimpleNamespace(server_info=server, settings={}, client_settings=USUAL)
