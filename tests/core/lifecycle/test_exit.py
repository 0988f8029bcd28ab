"""At the interpreter's exit nothing of ours is printed, whatever the application keeps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
KEPT = """
import sys
sys.path.insert(0, {tests!r})
from core import adapter
from core.tinyqueue import AsyncConsumer, Channel, Consumer, Queue
from opentelemetry.sdk.trace import TracerProvider

library = adapter.library()
library.enable(TracerProvider())
queue = Queue()
queue.fill("orders", 1, 2, 3)
{body}
"""
BODIES = {
    "a global": "kept = iter(Consumer(queue, 'orders'))\nnext(kept)",
    "an attribute": "class Reader:\n    kept = iter(Consumer(queue, 'orders'))\nnext(Reader.kept)",
    "a polled list's iterator": "kept = iter(Consumer(queue, 'orders').poll()['orders'])\nnext(kept)",
    "a generator": "kept = Channel(queue).listen('orders')\nnext(iter(kept))",
    "an asynchronous iterator": "import asyncio\nkept = AsyncConsumer(queue, 'orders').__aiter__()\n"
    "async def read(): await kept.__anext__()\nasyncio.run(read())",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_an_iterator_that_is_kept_to_the_end_prints_nothing(body: str) -> None:
    program = KEPT.format(tests=str(TESTS), body=body)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
