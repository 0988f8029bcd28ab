"""`python -m bench.clients.soak [LIBRARY …]`: does memory stay flat over a million messages through a real broker?"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import uuid

from bench.contenders import ALL, OURS, configure
from bench.memory import POINTS, resident
from bench.report import console, titled

from . import LIBRARIES
from .__main__ import addresses
from .worker import instrument

MESSAGES = 1_000_000
AT_ONCE = 500  # sent, then received
GROWTH = 0.01  # Python objects for each message that would be a leak


def watched(name: str, address: str, count: int) -> list[tuple[int, int]]:
    """Send and receive so many messages; give resident bytes and Python's live blocks after each tenth."""
    configure(ALL)
    instrument(OURS, LIBRARIES[name])
    application = LIBRARIES[name].application(address, f"soak-{uuid.uuid4().hex[:8]}", None)
    seen = []
    for _ in range(POINTS):
        for _ in range(max(count // POINTS // AT_ONCE, 1)):
            application.send(AT_ONCE)
            application.receive(AT_ONCE)
        gc.collect()
        seen.append((resident(), sys.getallocatedblocks()))
    return seen


def ask(name: str, address: str, count: int) -> list[tuple[int, int]]:
    """Have a process of its own watched."""
    command = [sys.executable, "-m", __spec__.name, name, "--messages", str(count), "--at", address]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr}")
    points: list[tuple[int, int]] = json.loads(done.stdout.splitlines()[-1])
    return points


def main() -> int:
    """Run, and print the table; fails if memory grows with the messages."""
    parser = argparse.ArgumentParser(prog="python -m bench.clients.soak", description=__doc__)
    parser.add_argument("libraries", nargs="*", metavar="LIBRARY", help=f"of {', '.join(LIBRARIES)}; all by default")
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--at", help=argparse.SUPPRESS)  # given to the process that is watched
    options = parser.parse_args()
    if options.at is not None:
        print(json.dumps(watched(options.libraries[0], options.at, options.messages)), flush=True)
        os._exit(0)  # what a client does at its end is not watched
    chosen = [LIBRARIES[name] for name in options.libraries or LIBRARIES]
    table = titled(f"Memory over {options.messages:,} messages sent and received, after the first tenth and at the end")
    for heading in ("library", "resident MiB", "", "live blocks", "", "blocks for each message"):
        table.add_column(heading, justify="left" if heading == "library" else "right")
    worst = 0.0
    with addresses(chosen) as found, console.status("soaking") as status:
        for library in chosen:
            status.update(f"soaking {library.name}")
            points = ask(library.name, found[library.broker], options.messages)
            (first, blocks), (last, left) = points[0], points[-1]
            each = (left - blocks) / (options.messages * 0.9)
            worst = max(worst, each)
            sizes = (f"{first / 2**20:.1f}", f"{last / 2**20:.1f}", f"{blocks:,}", f"{left:,}", f"{each:.5f}")
            table.add_row(library.name, *sizes)
    console.print(table)
    return int(worst > GROWTH)


if __name__ == "__main__":
    raise SystemExit(main())
