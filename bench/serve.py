"""`python -m bench.serve`: whether `otel-eda serve` keeps up with 5,000 spans a second on this machine.

A sender of its own process posts OTLP as the SDKs' exporters do: half of the spans are sends, half are the processing
of the same messages, by 50 services at 40 destinations. Viewers look at the page meanwhile. What is printed is what the
server itself says it heard, its processor time for a second of telemetry, how far it was behind at most, and its
memory in each tenth of the time: the median, since a check takes some more while it runs.
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
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from rich import box
from rich.table import Column, Table

from .arguments import positive
from .batches import BATCH, Batches
from .report import console

if TYPE_CHECKING:
    from collections.abc import Iterator


MAIN = "import sys; from otel_eda.cli import main; sys.exit(main())"
RATE, SECONDS, VIEWERS, PARTS = 5000, 420, 10, 10
SETTLED = 30.0  # seconds in which what waits is kept after the last request, and as long again as it was behind
MOST_BEHIND, MOST_CORES, MOST_GROWTH = (
    6.0,
    0.9,
    1.15,
)  # seconds; of 5,000 spans each; times the memory of the first half
COLUMNS = ("spans sent", "heard", "refused requests", "longest request", "cores", "behind", "most memory", "grown")


@dataclass
class Sent:
    """What became of the requests that were posted."""

    taken: int = 0
    refused: int = 0
    longest: float = 0.0  # seconds that one took


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
        sent.longest = max(sent.longest, time.monotonic() - asked)
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


class Moment(NamedTuple):
    """The server's memory at one moment, and how old the oldest request is that waits."""

    megabytes: float
    behind: float


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

    def moment(self) -> Moment:
        """Return how it is now."""
        return Moment(self.megabytes(), self.state()["heard"]["behind_seconds"])

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
    parser.add_argument("--viewers", type=positive, default=VIEWERS)
    parser.add_argument("--send", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.send:
        print(json.dumps(asdict(send(asked.send, asked.rate, asked.seconds))))
        return 0
    with tempfile.TemporaryDirectory() as folder, serving("--keep", f"{folder}/kept") as server:
        return _measured(server, asked.rate, asked.seconds, asked.viewers)


def _measured(server: Server, rate: float, seconds: float, viewers: int) -> int:
    for _ in range(viewers):
        threading.Thread(target=server.look, daemon=True).start()
    before, moments = server.processor_seconds(), []
    command = [sys.executable, "-m", "bench.serve", "--send", server.otlp]
    sender = [*command, "--rate", str(rate), "--seconds", str(seconds)]
    with subprocess.Popen(sender, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            time.sleep(1)
            moments.append(server.moment())
        assert process.stdout is not None
        sent = Sent(**json.load(process.stdout))
    patience = time.monotonic() + SETTLED + max(moment.behind for moment in moments)
    while server.state()["heard"]["spans"] < sent.taken * BATCH and time.monotonic() < patience:
        time.sleep(1)
    cores = (server.processor_seconds() - before) / (sent.taken * BATCH / rate)
    console.print(f"{rate:,.0f} spans a second for {seconds:.0f} s, {viewers} viewers")
    return _told(sent, server.state()["heard"], moments, cores, cores * RATE / rate)


def _told(sent: Sent, heard: dict[str, Any], moments: list[Moment], cores: float, most_cores: float) -> int:
    memory = list(_by_tenth(moments))
    grown, behind = median(memory[PARTS // 2 :]) / median(memory[1 : PARTS // 2]), max(one.behind for one in moments)
    table = Table(*(Column(name, justify="right") for name in COLUMNS), box=box.SIMPLE)
    table.add_row(
        f"{sent.taken * BATCH:,}", f"{heard['spans']:,}", f"{sent.refused}", f"{sent.longest:.2f} s", f"{cores:.2f}",
        f"{behind:.1f} s", f"{max(one.megabytes for one in moments):.0f} MB", f"{grown:.2f}",
    )  # fmt: skip
    console.print(table)
    console.print("memory in each tenth, MB:", " ".join(f"{middle:.0f}" for middle in memory), highlight=False)
    for note in heard["notes"]:
        console.print(note, highlight=False)
    whole = heard["spans"] == sent.taken * BATCH and not sent.refused
    reached = whole and behind < MOST_BEHIND and most_cores < MOST_CORES and grown < MOST_GROWTH
    goal = f"goal: nothing refused, never {MOST_BEHIND:.0f} s behind, less than {MOST_CORES} cores, memory flat"
    console.print(f"{goal}: {'reached' if reached else 'missed'}")
    return 0 if reached else 1


def _by_tenth(moments: list[Moment]) -> Iterator[float]:
    for turn in range(PARTS):
        tenth = moments[len(moments) * turn // PARTS : len(moments) * (turn + 1) // PARTS]
        yield median(one.megabytes for one in tenth)


if __name__ == "__main__":
    sys.exit(main())
