"""What the documentation shows as a program or a command runs, and does what the page says."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import uuid
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from brokers import cache
from support.waiting import until

from docs.pages import PAGES, ROOT, Block, blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from brokers.jaeger import Jaeger
    from brokers.kafka import Kafka
    from brokers.spans import Span

BASH = shutil.which("bash")
PATIENCE = 60.0
FOREIGN = ("OTEL_", "PYTHON", "PYTEST_")
SHELL = {"sh", "bash", "console"}
KEEPING = ("otel-eda demo ", " --keep telemetry")  # what a line is of a demo that a page only begins with
STARTED = ROOT / "docs" / "getting-started.md"


class Reader:
    """Does what a page says, in a folder of its own: saves its files, runs its commands one after the other."""

    def __init__(self, folder: Path, names: Mapping[str, str]) -> None:
        self.folder = folder
        self.names = names
        self.exports: list[str] = []

    def follow(self, block: Block) -> str:
        """Do what a block says; gives what it printed."""
        code = block.code
        for name, real in self.names.items():
            code = code.replace(name, real)
        if block.language in SHELL:
            return self._shell(code, block.place)
        if block.file:
            (self.folder / block.file).write_text(code)
            return ""
        return self._run([sys.executable, "-c", code], block.place)

    def _shell(self, code: str, place: str) -> str:
        printed = self._run([str(BASH), "-euo", "pipefail", "-c", "\n".join([*self.exports, code])], place)
        self.exports += [line for line in code.splitlines() if line.startswith("export ")]
        return printed

    def _run(self, command: list[str], place: str) -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**kept, "PATH": path, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert (done.returncode, done.stderr) == (0, ""), f"{place}:\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.mark.skipif(BASH is None, reason="the page's commands are for a shell")
@pytest.mark.timeout(240)
def test_getting_started(kafka: Kafka, jaeger: Jaeger, tmp_path: Path) -> None:
    tag, topic = uuid.uuid4().hex[:8], kafka.topic()
    services = {f"--service_name {name}": f"--service_name {name}-{tag}" for name in ("shop", "billing", "workers")}
    names = {
        "localhost:9092": kafka.address,
        "consumer_timeout_ms=5000": "consumer_timeout_ms=2500",
        "http://localhost:4317": f"http://{jaeger.otlp_grpc}",
        '"orders"': f'"{topic}"',
        "OTEL_SERVICE_NAME=billing": f"OTEL_SERVICE_NAME=billing-{tag}",
        '"service.name": "billing"': f'"service.name": "billing-{tag}"',
        **services,
    }
    reader = Reader(tmp_path, names)
    printed = "".join(
        reader.follow(block) for block in blocks(STARTED) if block.language != "text" and not block.reason
    )
    lines = Counter(printed.splitlines())
    assert [lines[f"bill for order {number}"] for number in range(3)] == [6, 6, 6]
    assert printed.count("hello\n") == 1
    assert printed.count("hello you\n") == 3
    assert printed.count('"name": "process visitor_came"') == 2
    assert "18 places patched" in printed
    assert "No problems" in printed
    spans = _spans(jaeger, f"shop-{tag}", 9 + 9 + 9)
    assert {span.name.replace(topic, "orders") for span in spans} == {"send orders", "process orders"}
    known = {span.span_id: span for span in spans}
    processed = [span for span in spans if span.kind == "CONSUMER"]
    assert Counter(span.service for span in processed) == {f"billing-{tag}": 9, f"workers-{tag}": 9}
    for span in processed:
        sent = known[span.parent_id]
        assert (sent.kind, sent.service) == ("PRODUCER", f"shop-{tag}")
        assert sent.attributes["messaging.kafka.offset"] == span.attributes["messaging.kafka.offset"]
        assert [(link.trace_id, link.span_id) for link in span.links] == [(sent.trace_id, sent.span_id)]
    assert not any(span.warnings for span in spans)


def _spans(jaeger: Jaeger, service: str, count: int) -> list[Span]:
    def probe() -> list[Span]:
        now = datetime.now(timezone.utc)
        found = jaeger.find(service, now - timedelta(minutes=10), now + timedelta(minutes=1))
        return found if len(found) >= count else []

    return until(probe, f"{count} spans of {service}")


@pytest.fixture(scope="session")
def kept(servers: Path) -> Callable[[str], Path]:
    """Run a demo once for all pages that show it, and give the telemetry that it keeps."""

    def run(command: str) -> Path:
        folder = servers / f"demo-{hashlib.sha256(command.encode()).hexdigest()[:8]}"
        with cache.locked(servers / "demos"):
            if not folder.exists():
                partial = folder.with_suffix(".partial")
                partial.mkdir()
                Reader(partial, {}).follow(Block("sh", command, "", command))
                partial.rename(folder)
        return folder / "telemetry"

    return run


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page != STARTED], ids=lambda page: str(page.relative_to(ROOT))
)
def test_other_pages_blocks(page: Path, tmp_path: Path, kept: Callable[[str], Path]) -> None:
    shown = [block for block in blocks(page) if block.language in {*SHELL, "python"} and not block.reason]
    demos = [line for block in shown for line in block.code.splitlines() if all(part in line for part in KEEPING)]
    reader = Reader(tmp_path, {demo: f"cp -r {kept(demo)} telemetry" for demo in demos})
    for block in shown:
        reader.follow(block)


def test_a_new_library_goes_from_nothing_to_green_on_one_page(tmp_path: Path) -> None:
    shown = blocks(ROOT / "docs" / "adding-a-library.md")
    reader = Reader(tmp_path, {})
    printed = "".join(reader.follow(block) for block in shown if block.language != "text" and not block.reason)
    assert printed == next(block.code for block in shown if block.language == "text")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_has_a_language(page: Path) -> None:
    assert [block.place for block in blocks(page) if not block.language] == []
