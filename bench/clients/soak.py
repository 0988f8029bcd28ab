"""`python -m bench.clients.soak [LIBRARY …]`: does memory stay flat over a million messages through a real broker?"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

from bench.arguments import positive
from bench.contenders import ALL, OURS, configure
from bench.memory import POINTS, resident
from bench.report import console, titled

from . import asked
from .__main__ import addresses
from .worker import instrument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.status import Status

    from . import Library

MESSAGES = 1_000_000
AT_ONCE = 500  # sent, then received
GROWTH = 0.01  # Python objects for each message that would be a leak
SHOWN = (1, POINTS // 2, POINTS)  # tenths


def watched(library: Library, address: str, count: int) -> Iterator[tuple[int, int]]:
    """Send and receive so many messages; give resident bytes and Python's live blocks after each tenth."""
    configure(ALL)
    instrument(OURS, library)
    application = library.application(address, f"soak-{uuid.uuid4().hex[:8]}", None)
    for _ in range(POINTS):
        for _ in range(max(count // POINTS // AT_ONCE, 1)):
            application.send(AT_ONCE)
            application.receive(AT_ONCE)
        gc.collect()
        yield resident(), sys.getallocatedblocks()


def ask(name: str, address: str, count: int, status: Status) -> list[tuple[int, int]]:
    """Have a process of its own watched."""
    command = [sys.executable, "-m", __spec__.name, name, "--messages", str(count), "--at", address]
    points: list[tuple[int, int]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            points.append(json.loads(line))
            status.update(f"{name}: {len(points) * 100 // POINTS} % of {count:,} messages")
    if process.returncode:
        raise RuntimeError(f"{name} failed after {len(points)} tenths")
    return points


def main() -> int:
    """Run, and print the table; fails if memory grows with the messages."""
    parser = asked(__doc__, "bench.clients.soak")
    parser.add_argument("--messages", type=positive, default=MESSAGES)
    parser.add_argument("--at", help=argparse.SUPPRESS)  # given to the process that is watched
    options = parser.parse_args()
    if options.at is not None:
        for point in watched(options.libraries[0], options.at, options.messages):
            print(json.dumps(point), flush=True)
        os._exit(0)  # what a client does at its end is not watched
    shares = ("at 10 %", "at 50 %", "at 100 %")
    table = titled(
        f"Memory over {options.messages:,} messages sent and received: resident MiB, then live Python blocks"
    )
    for heading in ("library", *shares, *shares, "blocks for each message"):
        table.add_column(heading, justify="left" if heading == "library" else "right")
    worst = 0.0
    with addresses(options.libraries) as found, console.status("soaking") as status:
        for library in options.libraries:
            points = ask(library.name, found[library.broker], options.messages, status)
            sizes, blocks = zip(*(points[tenth - 1] for tenth in SHOWN), strict=True)
            each = (blocks[-1] - blocks[0]) / (options.messages * 0.9)
            worst = max(worst, each)
            numbers = (*(f"{size / 2**20:.1f}" for size in sizes), *(f"{count:,}" for count in blocks), f"{each:.5f}")
            table.add_row(library.name, *numbers)
    console.print(table)
    return int(worst > GROWTH)


if __name__ == "__main__":
    raise SystemExit(main())
