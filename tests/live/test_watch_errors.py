"""`otel-eda watch` says in one line why it cannot run."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from diagnosis.telemetry import flow
from support.programs import MAIN, Way, running

from live.programs import ANYWHERE, QUICK, command
from otel_eda import cli
from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("option", ["--otlp", "--otlp-grpc"])
def test_a_port_that_is_taken_is_said_in_one_line(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"127.0.0.1:{server.getsockname()[1]}"
        with command("watch", option, place) as watch:
            assert watch.finish().status == 2
            assert watch.errors.splitlines() == [
                f"otel-eda: cannot receive OTLP on {place}: the port is taken, maybe by a collector"
            ]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere.jsonl"], "nowhere.jsonl: there is no such file, and none in such a folder"),
        (["a.jsonl.gz"], "a.jsonl.gz: nothing can be appended to a compressed file"),
        (["--otlp", "4318"], "4318: not a HOST:PORT"),
        (["--select", "EDA9", *ANYWHERE], "there is no check EDA9"),
        (["--jaeger", "http://127.0.0.1:9", "--duration", "1s"], "http://127.0.0.1:9: no Jaeger answers"),
    ],
)
def test_what_cannot_be_watched_is_said_in_one_line(arguments: list[str], line: str) -> None:
    with command("watch", *arguments) as watch:
        assert watch.finish().status == 2
        said = [said for said in watch.errors.splitlines() if not said.startswith("watching")]
        assert len(said) == 1
        assert said[0].startswith(f"otel-eda: {line}")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--window", "inf"], "'--window': it must be within a hundred years"),
        (["--hold", "0s"], "'--hold': it must be more than 0"),
        (["--duration", "99999999d"], "'--duration': it must be within a hundred years"),
        (["--every", "soon"], "'--every': 'soon' is no length of time: write it like 500ms, 30s, 5m, 2h or 1d"),
        (["--most", "0"], "'--most': Input should be greater than or equal to 1"),
        (["--evidence", "-1"], "'--evidence': Input should be greater than or equal to 1"),
    ],
)
def test_a_number_that_makes_no_sense_is_said_in_one_line(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["watch", *arguments]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"Error: Invalid value for {line}"


def test_a_disk_without_room_is_said_in_one_line(tmp_path: Path) -> None:
    path = flow(400, 1).world.write(tmp_path)
    small = Way(("sh", "-c", 'ulimit -f 100; exec "$0" "$@"'))  # kilobytes, or half of that
    assert path.stat().st_size > 200 << 10
    with running(small, "-c", MAIN, "watch", path, *QUICK) as watch:
        assert watch.finish().status == 2
        assert watch.errors.splitlines()[1:] == ["otel-eda: [Errno 27] File too large"]


def test_memory_that_does_not_suffice_is_an_error_of_one_line(tmp_path: Path) -> None:
    path = flow(40, 1).world.write(tmp_path)
    with pytest.raises(UnusableError, match=r"^Out of Memory Error: .*$"), Store(1) as store:
        store.read([Files(str(path))])
