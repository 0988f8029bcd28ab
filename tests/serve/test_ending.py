"""The end: what was acknowledged is kept and checked, and the exit status says what was found."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from diagnosis.telemetry import flow
from otlp.helpers import Post
from otlp.helpers import serving as receiving

from bench.batches import BATCH, Batches
from otel_eda.cli import main
from otel_eda.live.sources import Exporters
from otel_eda.otlp.queue import ExportQueue
from otel_eda.serve.keeper import Keeper
from otel_eda.serve.parts import Parts
from serve.test_keeping import LONG, MUCH

if TYPE_CHECKING:
    from pathlib import Path


def test_what_comes_after_the_end_is_refused_and_what_was_acknowledged_is_kept(tmp_path: Path) -> None:
    queue, batches, ended = ExportQueue(), Batches(), threading.Event()
    ended.set()
    with receiving(queue) as (receiver, endpoint, _), Parts(tmp_path / "kept", MUCH, LONG).opened() as parts:
        post, keeper = Post(endpoint), Keeper([Exporters(queue)], parts)
        assert post(batches.next()).status == 200
        keeper.run(ended)
        late = post(batches.next())
        assert (late.status, late.getheader("Retry-After"), receiver.refused) == (503, "1", {"it ends": 1})
        assert keeper.loader.spans == BATCH
        assert queue.held == 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ("lost.jsonl --hold 0.1s --fail-on SUSPECT", 1, ""),
        ("sound.jsonl --hold 0.1s --fail-on SUSPECT", 0, ""),
        ("--otlp 127.0.0.1:0 --fail-on never", 2, "no telemetry has come"),
        ("clickhouse://127.0.0.1/otel", 2, "otel-eda watch and diagnose read it"),
        ("--jaeger http://127.0.0.1:9 --fail-on never", 2, "127.0.0.1:9"),
    ],
)
@pytest.mark.usefixtures("files")
def test_the_exit_status_says_what_was_found_or_that_nothing_was_checked(
    capsys: pytest.CaptureFixture[str], arguments: str, status: int, said: str
) -> None:
    options = "--address 127.0.0.1:0 --every 60s --duration 0.2s --grace 1"
    assert main(["serve", *arguments.split(), *options.split()]) == status
    assert said in capsys.readouterr().err


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a folder with telemetry in which a message is lost, and with some in which none is."""
    monkeypatch.chdir(tmp_path)
    sound, lost = flow(40, 1), flow(40, 1, skip={12})
    lost.billing.process(lost.messages[12], 1.21, error="KeyError")
    for name, made in {"sound": sound, "lost": lost}.items():
        (tmp_path / f"{name}.jsonl").write_text("\n".join(made.world.lines()) + "\n", encoding="utf-8")
