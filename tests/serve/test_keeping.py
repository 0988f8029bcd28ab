"""What is kept: opened again, bounded, merged, read by the other commands."""

from __future__ import annotations

import json
import tempfile
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import duckdb
import pytest
from diagnosis import telemetry
from diagnosis.telemetry import flow
from support.programs import MAIN, Way, run
from support.waiting import until

from otel_eda.cli import main
from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.sources.files import Files
from otel_eda.live.evaluator import Polled
from otel_eda.live.sources import GrowingFiles
from otel_eda.serve.keeper import Keeper
from otel_eda.serve.loader import Loader
from otel_eda.serve.parts import MERGED_SPANS, Parts
from serve.diary import START, written
from serve.pages import SOON, shown

if TYPE_CHECKING:
    from pathlib import Path

RANGE = {"since": START - 1, "until": START + 500, "step": 1}
MUCH, LONG = 1 << 30, 86400.0


def lines(folder: Path, name: str, *requests: str) -> Files:
    path = folder / name
    path.write_text("\n".join(requests) + "\n", encoding="utf-8")
    return Files(str(path))


def test_what_was_kept_is_shown_again_as_it_was(tmp_path: Path) -> None:
    diary = written()
    path, kept = diary.world.write(tmp_path), tmp_path / "kept"
    with shown(path, *SOON, "--grace", "300", "--keep", kept) as page:
        page.heard(sum(len(service.spans) for service in diary.world.services))
        before = page.ask("delivery", **RANGE)["series"]
    with shown(kept, "--grace", "300") as page:
        assert page.ask("delivery", **RANGE)["series"] == before
        assert {node["name"] for node in page.ask("state")["nodes"]} == {"shop", "billing", "orders"}
        assert page.ask("trace", event="order-32")["spans"]
    assert before[0]["total"]["lost"] == diary.total("lost")


def test_the_end_of_what_is_there_is_kept_and_others_read_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = flow(40, 1, skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    path, kept = made.world.write(tmp_path), tmp_path / "kept"
    assert main(["record", str(kept), str(path), "--duration", "0.1s"]) == 0
    assert f"kept 121 spans in {kept}" in capsys.readouterr().err
    assert main(["diagnose", str(kept), "--grace", "2", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [(one["code"], one["verdict"], one["offset"]) for one in found] == [("EDA104", "CONFIRMED", [12, 12])]
    with shown(kept, "--grace", "2") as page:
        until(lambda: page.verdicts() == {("EDA104", "CONFIRMED")}, "the same finding", 60)


def test_a_span_that_goes_on_in_another_part_is_no_second_attempt(tmp_path: Path) -> None:
    """The delivery and the span that the application began itself come with different requests."""
    made = flow(40, 1)
    manual = made.billing.process(made.messages[5], 0.52, said={"eda.process.manual": True})
    made.billing.spans.remove(manual)
    first = made.world.lines()
    made.billing.spans = [manual]
    made.world.services = [made.billing]
    made.world.metrics = False
    second = made.world.lines()
    with Parts(tmp_path / "kept", MUCH, LONG).opened() as parts:
        loader = Loader(parts)
        loader.add([lines(tmp_path, "first.jsonl", *first)])
        loader.add([lines(tmp_path, "second.jsonl", *second)])
        with parts.reading() as files:
            rows = duckdb.execute(
                "SELECT count(*), count(*) FILTER (continued) FROM read_parquet(?)", [files["operations"]]
            ).fetchall()
    assert rows == [(123, 1)]
    assert main(["diagnose", str(tmp_path / "kept"), "--select", "EDA2"]) == 0


def test_the_oldest_parts_go_when_there_are_too_many_bytes_or_when_they_are_old(tmp_path: Path) -> None:
    source = lines(tmp_path, "some.jsonl", *flow(40, 1).world.lines())
    with Parts(tmp_path / "small", 30_000, LONG).opened() as parts:
        for _ in range(6):
            Loader(parts).add([source])
        assert parts.size <= 30_000
        assert parts.shed == 6 - len(parts.all) > 0
    with Parts(tmp_path / "short", MUCH, 0.2).opened() as parts:
        Loader(parts).add([source])
        time.sleep(0.3)
        Loader(parts).add([source])
        assert len(parts.all) == 1
        assert len(list((tmp_path / "short").glob("*.parquet"))) == len(parts.all[0].files)
        time.sleep(0.3)
        with Parts(tmp_path / "short", 0, 0.0, read_only=True).opened() as shown_only:
            Keeper([], shown_only).step()
            assert len(shown_only.all) == 1
        assert list((tmp_path / "short").glob("*.parquet"))
        Keeper([], parts).step()  # though nothing comes
        assert not list((tmp_path / "short").glob("*.parquet"))


def test_what_is_read_is_deleted_only_after_that(tmp_path: Path) -> None:
    source = lines(tmp_path, "some.jsonl", *flow(40, 1).world.lines())
    with Parts(tmp_path / "kept", 1, LONG).opened() as parts:
        Loader(parts).add([source])
        with parts.reading() as files:
            Loader(parts).add([source])
            (number,) = duckdb.execute("SELECT count(*) FROM read_parquet(?)", [files["operations"]]).fetchall()[0]
        assert number == 122
        assert len(list((tmp_path / "kept").glob("operations-*"))) == 1


def test_a_folder_is_shown_while_another_process_merges_and_deletes_there(tmp_path: Path) -> None:
    source, folder = lines(tmp_path, "some.jsonl", *flow(40, 1).world.lines()), tmp_path / "kept"

    def rows(files: dict[str, list[str]]) -> int:
        (found,) = duckdb.execute("SELECT count(*) FROM read_parquet(?)", [files["operations"]]).fetchall()
        return int(found[0])

    with Parts(folder, MUCH, LONG).opened() as parts:
        for _ in range(9):
            Loader(parts).add([source])
        with Parts(folder, 0, 0.0, read_only=True).opened() as shown:
            Loader(parts).add([source])
            with shown.reading() as files:
                parts.merge()
                assert rows(files) == 9 * 122
            assert len(list(folder.glob("operations-*"))) == 11
            parts.delete_old()
            assert len(list(folder.glob("operations-*"))) == 1
            with shown.reading() as files:
                assert rows(files) == 10 * 122
            parts.age = 0.0
            parts.delete_old()
            with shown.reading() as files:
                assert files["operations"] == []


def test_small_parts_become_one_and_nothing_is_lost(tmp_path: Path) -> None:
    source = lines(tmp_path, "some.jsonl", *flow(40, 1).world.lines())
    with Parts(tmp_path / "kept", MUCH, LONG).opened() as parts:
        for _ in range(13):
            Loader(parts).add([source])
            parts.merge()
        assert [(part.first, part.last) for part in parts.all] == [(1, 10), (11, 11), (12, 12), (13, 13)]
        assert sum(part.spans for part in parts.all) == 13 * 122 < MERGED_SPANS
    with Parts(tmp_path / "kept", MUCH, LONG, session="20990101T000000").opened() as again:
        first = again.all[0]
        assert (first.first, first.last, first.spans) == (1, 10, 1220)
        assert again.span() == parts.span()


def test_a_crash_in_the_middle_leaves_each_row_once(tmp_path: Path) -> None:
    source, kept = lines(tmp_path, "some.jsonl", *flow(40, 1).world.lines()), tmp_path / "kept"
    with Parts(kept, MUCH, LONG).opened() as parts:
        for _ in range(10):
            Loader(parts).add([source])
        small = {path.name: path.read_bytes() for path in kept.iterdir() if path.suffix == ".parquet"}
        parts.merge()
    for name, content in small.items():  # as if it had ended before it deleted them
        (kept / name).write_bytes(content)
    (kept / "operations-20990101T000000-000001-000001.part").write_bytes(b"half")
    damaged = kept / "operations-20990101T000000-000001-000001.parquet"
    damaged.write_bytes(b"")  # as a loss of power leaves it: renamed, not yet written
    with shown(kept) as page:
        assert len(page.ask("trace", event="orders/0/3")["spans"]) == 2
        assert f"{damaged.name} is damaged, so its part is not read" in page.ask("state")["heard"]["notes"]
    with Parts(kept, MUCH, LONG, session="20990101T000000").opened() as again:
        assert sum(part.spans for part in again.all) == 1220
    next(kept.glob("operations-*-000001-000010.parquet")).write_bytes(b"")
    with Parts(kept, MUCH, LONG, session="20990101T000000").opened() as again:
        assert [part.spans for part in again.all] == 10 * [122]  # the smaller ones are still there
    assert not list(kept.glob("*.part"))


def test_a_jaegers_spans_are_kept_once(tmp_path: Path) -> None:
    source = lines(tmp_path, "some.jsonl", *flow(40, 1).world.lines())
    with Parts(tmp_path / "kept", MUCH, LONG).opened() as parts:
        loader = Loader(parts)
        for _ in range(3):
            loader.add([source], known=True)
        assert sum(part.spans for part in parts.all) == 122


def test_what_a_disk_has_no_room_for_waits_and_is_kept_once_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = flow(40, 1).world.write(tmp_path)
    with Parts(tmp_path / "kept", MUCH, LONG).opened() as parts:
        keeper = Keeper([GrowingFiles(str(path))], parts)
        for place, name in ((parts, "folder"), (tempfile, "tempdir")):
            with monkeypatch.context() as patched:
                patched.setattr(place, name, tmp_path / "gone")
                assert keeper.step() is False
            assert any("telemetry waits in memory" in note for note in keeper.notes())
            assert parts.all == []
        blocked = tmp_path / "kept" / f"metrics-{parts.session}-000001-000001.part"
        blocked.mkdir()
        assert keeper.step() is False
        assert not list((tmp_path / "kept").glob("*.parquet"))  # nor half of a part
        blocked.rmdir()
        assert keeper.step() is True  # what waited is kept, and there may be more
        assert keeper.step() is False
        assert [part.spans for part in parts.all] == [122]
        assert list(keeper.notes()) == []


def test_a_disk_without_room_at_the_end_is_a_loss_that_is_told(tmp_path: Path) -> None:
    path = flow(400, 1).world.write(tmp_path)
    small = Way(("sh", "-c", 'ulimit -f 100; exec "$0" "$@"'))  # kilobytes, or half of that
    done = run(small, "-c", MAIN, "record", tmp_path / "kept", path, "--duration", "0.1s")
    assert done.status == 2
    assert done.errors.splitlines()[1:] == [
        f"kept 0 spans in {tmp_path / 'kept'}",
        "Note: 1 stretch of telemetry lost: [Errno 27] File too large",
    ]


@pytest.mark.parametrize("year", [2000, 2099])
def test_a_clock_that_is_far_off_hides_nothing_of_what_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, year: int
) -> None:
    monkeypatch.setattr(telemetry, "BEGIN", time.time_ns() - 10 * telemetry.SECOND)
    made, other = flow(40, 1), telemetry.Telemetry(2)
    far = datetime(year, 6, 1, tzinfo=timezone.utc).timestamp() - time.time()
    other.service("sensor").send("readings", far)
    made.world.service("camera").send("pictures", far)  # among others
    for number, requests in enumerate((made.world.lines(), other.lines())):
        with Parts(tmp_path / "kept", MUCH, LONG, session=f"20260101T00000{number}").opened() as parts:
            Loader(parts).add([lines(tmp_path, "some.jsonl", *requests)])
    with shown(tmp_path / "kept") as page:
        heard = page.ask("state")["heard"]
        assert heard["kept_to"] - heard["kept_from"] < 31 * 86400
        assert [edge["rate"] > 0 for edge in page.ask("state")["edges"] if edge["group"] == "billing"] == [True]
        told = page.ask("delivery", since=int(heard["kept_from"]), until=int(heard["kept_to"]) + 1)
        assert {series["destination"] for series in told["series"]} >= {"orders"}


def test_a_jaeger_that_was_silent_is_asked_for_that_time(tmp_path: Path) -> None:
    source, asked = lines(tmp_path, "some.jsonl", *flow(40, 1).world.lines()), list[float]()

    def ask(since: datetime, until: datetime) -> Files:
        asked.append(round((until - since).total_seconds(), -1))
        if len(asked) == 1:
            raise UnusableError("no answer")
        return source

    jaeger = Polled("the Jaeger", ask, 120.0, counts=False, longest=3600.0)
    with Parts(tmp_path / "kept", MUCH, LONG).opened() as parts:
        keeper = Keeper([], parts, jaeger=jaeger, jaeger_every=0.0)
        jaeger.heard -= timedelta(minutes=10)
        keeper.step()
        assert list(keeper.notes()) == ["1 time the Jaeger did not answer", "no answer"]
        keeper.step()
        assert list(keeper.notes()) == ["1 time the Jaeger did not answer"]
        keeper.step()
        jaeger.heard -= timedelta(hours=10)
        keeper.step()
        assert asked == [720, 720, 120, 3600]
        assert sum(part.spans for part in parts.all) == 122


def test_two_do_not_keep_in_one_folder(tmp_path: Path) -> None:
    with Parts(tmp_path, MUCH, LONG).opened():
        with pytest.raises(UnusableError, match="another otel-eda keeps"), Parts(tmp_path, MUCH, LONG).opened():
            pass
        with Parts(tmp_path, 0, 0, read_only=True).opened():
            pass
