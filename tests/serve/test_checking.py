"""The checks are run in time, but keeping what comes is first."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from diagnosis.telemetry import flow
from support.waiting import until

from otel_eda.diagnosis import catalog
from otel_eda.diagnosis.settings import Bounds
from otel_eda.live.evaluator import Evaluator
from otel_eda.serve import checking
from otel_eda.serve.board import Board
from otel_eda.serve.checking import Checking
from otel_eda.serve.found import Found
from otel_eda.serve.loader import Loader
from otel_eda.serve.parts import Parts
from otel_eda.serve.questions.asking import Reader
from otel_eda.serve.window import PartsWindow
from serve.test_keeping import LONG, MUCH, lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


def evaluator(parts: Parts, **more: int) -> Evaluator:
    window = PartsWindow(parts, 600.0, amid=False, **more)
    return Evaluator(window, catalog.chosen(["EDA104"], []), Bounds(grace=1.0), every=0.1, hold=0.0)


def test_checks_wait_while_what_comes_is_not_kept_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = flow(40, 1, skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    with Parts(tmp_path / "kept", MUCH, LONG).opened() as parts:
        Loader(parts).add([lines(tmp_path, "told.jsonl", *made.world.lines())])
        found, behind, ended = Found(), [60.0], threading.Event()
        checks = Checking(evaluator(parts), Reader(parts, Board(), found), lambda: behind[0], once=False)
        thread = threading.Thread(target=checks.run, args=(ended, 0.1))
        thread.start()
        try:
            assert not ended.wait(1.0)
            assert found.evaluations == 0
            behind[0] = 0.0
            until(lambda: found.evaluations, "an evaluation", 60)
            behind[0] = 60.0
            monkeypatch.setattr(checking, "PATIENCE_SECONDS", 0.1)
            before = found.evaluations
            until(lambda: found.evaluations > before + 1, "another one all the same", 60)
        finally:
            ended.set()
            thread.join()
        assert [entry.finding.code for entry in found.all()] == ["EDA104"]


def test_what_is_merged_while_checks_read_is_there_until_they_have(tmp_path: Path) -> None:
    class Merging(PartsWindow):
        def files(self, spool: Path) -> Iterator[Path]:
            yield from super().files(spool)
            self.parts.merge()

    with Parts(tmp_path / "kept", MUCH, LONG).opened() as parts:
        loader, found, ended = Loader(parts), Found(), threading.Event()
        for line in flow(40, 1).world.lines()[:1] * 10:
            loader.add([lines(tmp_path, "told.jsonl", line)])
        reading = Evaluator(Merging(parts, 600.0, amid=False), [], Bounds(), every=0.1, hold=0.0)

        def behind() -> float:
            ended.set()
            return 0.0

        Checking(reading, Reader(parts, Board(), found), behind, once=False).run(ended, 0.0)
        assert found.evaluations == 1
        assert len(parts.all) == 1
        assert len(list((tmp_path / "kept").glob("*.parquet"))) == len(parts.all[0].files)


def test_checks_that_fail_are_run_again_and_the_page_says_so(tmp_path: Path) -> None:
    class Vanishing(PartsWindow):
        def files(self, spool: Path) -> Iterator[Path]:
            yield from super().files(spool)
            if not found.evaluations and len(tried) < 2:
                tried.append(1)
                yield tmp_path / "gone.parquet"

    tried: list[int] = []
    with Parts(tmp_path / "kept", MUCH, LONG).opened() as parts:
        Loader(parts).add([lines(tmp_path, "told.jsonl", *flow(40, 1).world.lines())])
        found, ended = Found(), threading.Event()
        failing = Evaluator(Vanishing(parts, 600.0, amid=False), [], Bounds(), every=0.1, hold=0.0)
        checks = Checking(failing, Reader(parts, Board(), found), lambda: 0.0, once=False)
        thread = threading.Thread(target=checks.run, args=(ended, 0.05))
        thread.start()
        try:
            until(lambda: found.evaluations, "an evaluation", 60)
        finally:
            ended.set()
            thread.join()
        assert any("the checks failed 2 times" in note and "gone.parquet" in note for note in checks.notes())


def test_the_window_says_when_it_is_shorter_than_it_should_be(tmp_path: Path) -> None:
    with Parts(tmp_path / "kept", MUCH, LONG).opened() as parts:
        source = lines(tmp_path, "told.jsonl", *flow(40, 1).world.lines())
        for _ in range(3):
            Loader(parts).add([source])
        short = evaluator(parts, most_spans=250)
        short.diagnose()
        assert short.spans == 122
        assert len(list(short.window.files(tmp_path))) == 4  # operations and metrics of two parts
        assert [note for note in short.notes() if "look back less than 600 s" in note]
        assert short.window.counted < 600
        whole = evaluator(parts)
        whole.diagnose()
        assert not any("look back" in note for note in whole.notes())
