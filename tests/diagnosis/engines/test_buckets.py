"""Destination by destination: what is found in all buckets is what is found in all telemetry at once."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from otel_eda.cli import main
from otel_eda.diagnosis import buckets, catalog, columns, engine
from otel_eda.diagnosis.buckets import Share, run
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

from .conftest import BOUNDS, CHECKS, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_eda.diagnosis.engine import Diagnosis

pytestmark = pytest.mark.timeout(600)  # on a busy machine
SOME = catalog.chosen(["EDA104", "EDA401", "EDA702"], [])


@contextmanager
def loaded(folder: Path, realms: int = 0) -> Iterator[Store]:
    with Store() as store:
        store.read([Files(str(folder))])
        if realms:
            for table in columns.TABLES:
                store.execute(f"UPDATE {table} SET realm = hash(split_part(service, '.', 1)) % {realms}")
        yield store


def damaging(store: Store, bucket: str, until: int) -> tuple[Callable[[str], None], list[str]]:
    """Return what damages a bucket's file before each of the first tries at it, and the names of all tries."""
    tried: list[str] = []
    sound: dict[Path, bytes] = {}

    def step(name: str) -> None:
        tried.append(name)
        if name == bucket:
            for file in store.folder.glob("buckets-0/own/bucket=2/*"):
                sound.setdefault(file, file.read_bytes())
                file.write_bytes(b"damaged" if tried.count(name) <= until else sound[file])

    return step, tried


def test_all_buckets_together_are_the_whole_also_if_one_fails_at_first(exported: Path, expected: Diagnosis) -> None:
    with loaded(exported) as store:
        step, tried = damaging(store, "bucket 2 of 8", until=1)
        found = run.diagnose(store, CHECKS, BOUNDS, Share.read("8"), step=step)
    assert tried[:4] == ["bucket 1 of 8", "bucket 2 of 8", "bucket 2 of 8", "bucket 3 of 8"]
    same(found, expected)
    assert found == expected


def test_each_share_has_whole_destinations(exported: Path, expected: Diagnosis) -> None:
    parts = []
    for number in range(1, 4):
        with loaded(exported) as store:
            found = run.diagnose(store, SOME, BOUNDS, Share.read(f"{number}/3"))
        assert f"only bucket {number} of 3 was looked at" in found.unasked[-1]
        assert found.completeness == expected.completeness
        parts += [replace(finding, because=()) for finding in found.findings]
    codes = {check.code for check in SOME}
    alone = [replace(finding, because=()) for finding in expected.findings if finding.code in codes]
    assert sorted(map(repr, parts)) == sorted(map(repr, alone))


def test_environments_are_looked_at_one_by_one(exported: Path) -> None:
    with loaded(exported, realms=2) as store:
        apart = engine.diagnose(store, SOME, BOUNDS)
        found = run.diagnose(store, SOME, BOUNDS, Share.read("2"))
    assert apart.findings
    assert found == apart


def test_a_bucket_that_fails_again_is_named_and_the_others_are_told(exported: Path, expected: Diagnosis) -> None:
    with loaded(exported) as store:
        step, tried = damaging(store, "bucket 2 of 3", until=2)
        found = run.diagnose(store, SOME, BOUNDS, Share.read("3"), step=step)
    assert tried.count("bucket 2 of 3") == 2
    assert list(found.not_run) == ["bucket 2 of 3"]
    assert "its destinations were not looked at: w" in found.not_run["bucket 2 of 3"]
    told = {replace(finding, because=()) for finding in expected.findings}
    mine = {replace(finding, because=()) for finding in found.findings}
    assert mine
    assert mine < told


def test_what_memory_cannot_hold_at_once_goes_into_buckets(
    exported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["diagnose", str(exported), "--select", "EDA104", "--format", "json", "--fail-on", "never"]
    assert main(arguments) == 0
    alone, said = capsys.readouterr()
    assert "buckets" not in said
    for name in ("MOST_AT_ONCE", "IN_A_BUCKET"):
        monkeypatch.setattr(buckets, name, 10)
    assert main(arguments) == 0
    apart, said = capsys.readouterr()
    assert re.fullmatch(r"otel-eda: [\d,]+ operations are too many for 800 MB at once: \d buckets of .*\n", said)
    assert json.loads(apart)["findings"] == json.loads(alone)["findings"]


@pytest.mark.parametrize(
    ("operations", "memory", "of"),
    [(10_000_000, 600, None), (12_000_001, 600, 6), (100_000_000, 600, 42), (100_000_000, 8000, None)],
)
def test_as_many_buckets_as_memory_asks_for(operations: int, memory: int, of: int | None) -> None:
    assert Share.fitting(operations, memory) == (Share(of) if of else None)


@pytest.mark.parametrize("text", ["0", "4/3", "0/3", "-1", "some", "1/2/3", ""])
def test_a_share_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a number of buckets"):
        Share.read(text)
