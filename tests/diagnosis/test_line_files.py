"""Each line of many files is read and counted once, whatever is the matter with the other lines and files."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

from .telemetry import flow

if TYPE_CHECKING:
    from pathlib import Path

    from otel_eda.diagnosis.intake import Intake

WORLD = flow(12, 2, skip={4}).world
LINES = WORLD.lines(size=3)
SPANS = sum(len(service.spans) for service in WORLD.services)


def read(folder: Path) -> Intake:
    with Store() as made:
        made.read([Files(str(folder))])
        return made.intake


def test_files_beside_one_that_breaks_off_are_read_and_counted_once(tmp_path: Path) -> None:
    text = "\n".join(LINES) + "\n"
    (tmp_path / "a.jsonl").write_text(text, encoding="utf-8")
    alone = read(tmp_path)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(text.encode())[:-20])
    (tmp_path / "c.json").write_text(json.dumps(json.loads(LINES[0]), indent=2), encoding="utf-8")
    (tmp_path / "d.jsonl").write_text(LINES[0][:-5] + "\n", encoding="utf-8")
    together = read(tmp_path)
    assert together.broken == ["b.jsonl.gz"]
    assert together.spans == alone.spans == SPANS
    assert 2 * alone.otlp <= together.otlp + 1 <= 2 * alone.otlp + 2  # the last line of b, and the document
    assert together.lines["damaged"] in {1, 2}


def test_lines_without_any_signal_are_told_apart(tmp_path: Path) -> None:
    others = ["{}", "{}", '{"a": 1}', '{"resourceSpans": []}', "oops"]
    (tmp_path / "x.jsonl").write_text("\n".join([*LINES, *others]), encoding="utf-8")
    found = read(tmp_path)
    assert found.spans == SPANS
    assert (found.lines["empty"], found.lines["foreign"], found.lines["damaged"]) == (2, 1, 1)
    assert found.otlp == len(LINES) + 1


def test_a_huge_line_without_items_is_empty(tmp_path: Path) -> None:
    huge = json.dumps({"resourceSpans": [], "filler": "x" * (40 << 20)})
    (tmp_path / "x.jsonl").write_text("\n".join([huge, *LINES]), encoding="utf-8")
    found = read(tmp_path)
    assert (found.spans, found.lines["empty"], found.lines["damaged"]) == (SPANS, 1, 0)


def test_where_memory_is_too_small_the_error_says_what_to_do() -> None:
    with pytest.raises(UnusableError, match=r"Out of Memory.*--memory.*--buckets"), Store(20) as store:
        store.execute("CREATE TABLE numbers AS SELECT list(i) FROM range(20000000) t(i)")
