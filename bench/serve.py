"""`python -m bench.serve`: whether `otel-eda serve` keeps up with 5,000 spans a second on this machine.

A sender of its own process posts OTLP as the SDKs' exporters do: half of the spans are sends, half are the processing
of the same messages, by 50 services at 40 destinations. Viewers look at the page meanwhile. What is printed is what the
server itself says it heard, its processor time in cores, its memory, and how far it was behind at most.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from .batches import BATCH, Batches
from .report import console

if TYPE_CHECKING:
    from collections.abc import Iterator


MAIN = "import sys; from otel_eda.cli import main; sys.exit(main())"
RATE, SECONDS, VIEWERS = 5000, 120, 10
MOST_BEHIND, MOST_GROWTH = 6.0, 1.25  # seconds; times the memory after half of the time
COLUMNS = ("spans sent", "heard", "refused requests", "longest request", "cores", "behind", "memory", "grown")


@dataclass
class Sent:
    """What became of the requests that were posted."""

    taken: int = 0
    refused: int = 0
    waited: list[float] = field(default_factory=list)


def send(endpoint: str, rate: float, seconds: float) -> Sent:
    """Post so many spans a second; a request that is refused is posted again, as exporters do."""
    batches, sent, began = Batches(), Sent(), time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        ahead = sent.taken * BATCH / rate - elapsed
        if ahead > 0:
            time.sleep(ahead)
        body, asked = batches.next(), time.monotonic()
        while not _posted(f"{endpoint}/v1/traces", body):
            sent.refused += 1
            time.sleep(0.2)
        sent.taken += 1
        sent.waited.append(time.monotonic() - asked)
    return sent


def _posted(url: str, body: bytes) -> bool:
    request = urllib.request.Request(url, body, {"Content-Type": "application/x-protobuf"})  # noqa: S310  # ours
    try:
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        if error.code not in {429, 503}:
            raise
        return False
    return True


class Server:
    """An `otel-eda serve` that runs."""

    def __init__(self, process: subprocess.Popen[str], page: str, otlp: str) -> None:
        self.process, self.page, self.otlp = process, page, otlp

    def state(self) -> dict[str, Any]:
        """Return the picture of this moment."""
        with urllib.request.urlopen(f"{self.page}api/state", timeout=30) as answer:  # noqa: S310  # ours
            found: dict[str, Any] = json.load(answer)
        return found

    def processor_seconds(self) -> float:
        """Return the processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> float:
        """Return its memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("utf-8")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def look(self) -> None:
        """Look at the page as a browser does, until it ends."""
        try:
            with urllib.request.urlopen(f"{self.page}api/events", timeout=60) as answer:  # noqa: S310  # ours
                while answer.read1(65536):
                    pass
        except (OSError, http.client.HTTPException):
            pass


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """Run a server during the block."""
    command = [sys.executable, "-c", MAIN, "serve", "--address", "127.0.0.1:0", "--otlp", "127.0.0.1:0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        page, otlp = (said.partition(name)[2].split(";")[0].split(",")[0] for name in ("page is at ", "OTLP on "))
        threading.Thread(target=process.stderr.read, daemon=True).start()
        try:
            yield Server(process, page, otlp)
        finally:
            process.terminate()


def main() -> int:
    """Measure and print; gives 1 if the server fell behind, refused, or grew."""
    parser = argparse.ArgumentParser(prog="python -m bench.serve", description=__doc__)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--viewers", type=int, default=VIEWERS)
    parser.add_argument("--send", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.send:
        sent = send(asked.send, asked.rate, asked.seconds)
        print(json.dumps([sent.taken, sent.refused, max(sent.waited)]))
        return 0
    with tempfile.TemporaryDirectory() as folder, serving("--keep", f"{folder}/kept") as server:
        return _measured(server, asked.rate, asked.seconds, asked.viewers)


def _measured(server: Server, rate: float, seconds: float, viewers: int) -> int:
    for _ in range(viewers):
        threading.Thread(target=server.look, daemon=True).start()
    command = [sys.executable, "-m", "bench.serve", "--send", server.otlp]
    sender = [*command, "--rate", str(rate), "--seconds", str(seconds)]
    before, began, rows = server.processor_seconds(), time.monotonic(), []
    with subprocess.Popen(sender, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            time.sleep(1)
            rows.append((server.megabytes(), server.state()["heard"]["behind_seconds"]))
        took, used = time.monotonic() - began, server.processor_seconds() - before
        assert process.stdout is not None
        taken, refused, longest = json.load(process.stdout)
    time.sleep(5)
    heard = server.state()["heard"]
    memory, behind = [row[0] for row in rows], max(row[1] for row in rows)
    grown = memory[-1] / memory[len(memory) // 2]
    table = Table(title=f"{rate:,.0f} spans a second for {seconds:.0f} s, {viewers} viewers", box=box.SIMPLE)
    for name in COLUMNS:
        table.add_column(name, justify="right")
    table.add_row(
        f"{taken * BATCH:,}", f"{heard['spans']:,}", f"{refused}", f"{longest:.2f} s", f"{used / took:.2f}",
        f"{behind:.1f} s", f"{max(memory):.0f} MB", f"{grown:.2f}",
    )  # fmt: skip
    console.print(table)
    for note in heard["notes"]:
        console.print(note, highlight=False)
    kept_up = heard["spans"] == taken * BATCH and not refused and behind < MOST_BEHIND and grown < MOST_GROWTH
    goal = f"goal: nothing refused, never {MOST_BEHIND:.0f} s behind, memory flat"
    console.print(f"{goal}: {'reached' if kept_up else 'missed'}")
    return 0 if kept_up else 1


if __name__ == "__main__":
    sys.exit(main())
