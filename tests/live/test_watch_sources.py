"""`otel-eda watch` follows files that grow, are cut or rotated, and asks a Jaeger again and again."""

from __future__ import annotations

import os
import signal
import socket
import time
import urllib.request
import uuid
from typing import TYPE_CHECKING

import pytest
from brokers.jaeger import JaegerServer
from brokers.service import private
from diagnosis import telemetry
from diagnosis.telemetry import flow
from diagnosis.test_formats import FORMS, MESSAGES, as_message, rows
from support.waiting import until

from live.programs import PATIENCE, QUICK, codes, command, found, summary
from otel_eda.live.sources import GrowingFiles

if TYPE_CHECKING:
    from pathlib import Path

    from brokers.jaeger import Jaeger
    from diagnosis.telemetry import Telemetry


def written(path: Path, lines: list[str]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_a_file_that_grows_is_followed_cut_lines_and_new_files_too(tmp_path: Path) -> None:
    made = flow(40, 1, skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    lines, path = made.world.lines(), tmp_path / "telemetry.jsonl"
    written(path, lines[:1])
    with command("watch", tmp_path, "--format", "json", *QUICK) as watch:
        with path.open("a", encoding="utf-8") as file:
            for line in lines[1:]:
                for part in (line[: len(line) // 2], line[len(line) // 2 :], "\n"):
                    file.write(part)
                    file.flush()
                    time.sleep(0.05)
            file.write('{"resourceSpans": [{"scope\n')
        until(lambda: ("EDA104", "CONFIRMED", [12, 12]) in codes(watch), "a finding", PATIENCE)
        more = flow(40, 1, skip={20}, seed=2)
        more.billing.process(more.messages[20], 2.01, error="KeyError")
        for service in more.world.services:
            service.name, service.instance, service.group = f"{service.name}-b", f"{service.name}-b", "more"
        written(tmp_path / "later.jsonl", more.world.lines())
        until(lambda: len({one["service"] for one in found(watch)}) > 1, "a finding in the other file", PATIENCE)
        watch.signal(signal.SIGTERM)
        assert watch.finish().status == 1
        assert "telemetry.jsonl: 1 damaged line" in "".join(summary(watch)["notes"])


def test_a_file_that_is_replaced_or_cut_is_read_from_its_begin(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.jsonl"
    path.write_bytes(b'{"a":1}\n{"a":2}\n{"a"')
    source = GrowingFiles(str(path))
    assert list(source.read()) == [b'{"a":1}', b'{"a":2}']
    path.write_bytes(b'{"b":1}\n')
    assert list(source.read()) == [b'{"b":1}']
    (tmp_path / "next").write_bytes(b'{"c":1}\n{"c":2}\n')
    os.replace(tmp_path / "next", path)
    assert list(source.read()) == [b'{"c":1}', b'{"c":2}']
    path.unlink()
    assert list(source.read()) == []
    assert list(source.notes()) == []


@pytest.mark.parametrize("followed", ["telemetry.jsonl", ".", "*.jsonl"])
def test_a_file_that_is_rotated_is_read_once_and_to_its_end(followed: str, tmp_path: Path) -> None:
    path, older = tmp_path / "telemetry.jsonl", tmp_path / "telemetry-2026-11-25T09-00-00.000.jsonl"
    path.write_bytes(b'{"a":1}\n{"a"')
    source = GrowingFiles(str(tmp_path / followed))
    assert list(source.read()) == [b'{"a":1}']
    with path.open("ab", buffering=0) as file:
        file.write(b':2}\n{"a":3}\n')
        path.rename(older)
        path.write_bytes(b'{"b":1}\n')
        assert sorted(source.read()) == [b'{"a":2}', b'{"a":3}', b'{"b":1}']
        file.write(b'{"a":4}\nnothing\n')
    with path.open("ab") as file:
        file.write(b'{"b":2}\n')
    assert sorted(source.read()) == [b'{"a":4}', b'{"b":2}']
    older.unlink()
    assert list(source.read()) == []
    assert list(source.tails) == [(path.stat().st_dev, path.stat().st_ino)]
    assert list(source.notes()) == [f"{older.name}: 1 damaged line, so not read"]


FRAMES = {name: data for name, data in FORMS.items() if data} | {"requests one after the other": b"".join(MESSAGES)}


@pytest.mark.parametrize("form", FRAMES)
def test_protobuf_that_grows_is_followed_request_by_request(form: str, tmp_path: Path) -> None:
    path, data = tmp_path / "telemetry.binpb", FRAMES[form]
    path.touch()
    source, lines = GrowingFiles(str(path)), [list[bytes]()]
    for start in range(0, len(data), 999):
        with path.open("ab") as file:
            file.write(data[start : start + 999])
        lines.append(list(source.read()))
    (tmp_path / "x.jsonl").write_bytes(b"\n".join(line for part in lines for line in part))
    assert rows(tmp_path / "x.jsonl") == rows(path)
    assert sum(map(bool, lines)) > len(MESSAGES) // 2  # each as soon as it is whole
    assert list(source.notes()) == []
    path.write_bytes(b'{"a":1}\n')  # cut, and something else from then on
    assert list(source.read()) == [b'{"a":1}']


def test_a_damaged_request_is_noted_and_those_after_it_are_used(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.pb"
    bodies = [*MESSAGES[:2], b"\xff" * 50, *MESSAGES[2:]]
    path.write_bytes(b"".join(len(body).to_bytes(4, "big") + body for body in bodies))
    source = GrowingFiles(str(path))
    assert len(list(source.read())) == len(MESSAGES)
    assert list(source.notes()) == ["telemetry.pb: 1 damaged line, so not read"]


def test_protobuf_is_watched(tmp_path: Path) -> None:
    made = flow(40, 1, skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    bodies = map(as_message, made.world.lines())
    (tmp_path / "x.pb").write_bytes(b"".join(len(body).to_bytes(4, "big") + body for body in bodies))
    with command("watch", tmp_path / "x.pb", "--format", "json", *QUICK, "--duration", "8s") as watch:
        assert watch.finish().status == 1
        assert ("EDA104", "CONFIRMED", [12, 12]) in codes(watch)


def test_a_file_that_cannot_be_read_is_noted_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "open.jsonl").write_bytes(b'{"a":1}\n')
    with socket.socket(socket.AF_UNIX) as server:  # which not even root can read
        server.bind(str(tmp_path / "a.sock"))
        sources = [GrowingFiles(str(tmp_path / name)) for name in ("a.sock", "open.jsonl")]
        assert [list(source.read()) for source in sources] == [[], [b'{"a":1}']]
        assert [list(source.notes()) for source in sources] == [["a.sock: not read: No such device or address"], []]


def world_with_a_loss(monkeypatch: pytest.MonkeyPatch) -> Telemetry:
    """Spans of just now and of services that nobody else names: billing fails with one message and goes on."""
    monkeypatch.setattr(telemetry, "BEGIN", time.time_ns() - 100 * telemetry.SECOND)
    made = flow(40, 1, skip={12}, seed=uuid.uuid4().int)
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    tag = uuid.uuid4().hex[:8]
    for service in made.world.services:
        service.name = f"{service.name}-{tag}"
    made.world.metrics = False
    return made.world


def stored(world: Telemetry, jaeger: Jaeger) -> list[str]:
    """Send it to a Jaeger; gives the options that ask for it."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for line in world.lines():
        request = urllib.request.Request(  # noqa: S310  # the tests' own
            f"{jaeger.otlp_http}/v1/traces", line.encode(), {"Content-Type": "application/json"}
        )
        opener.open(request, timeout=10).close()
    return ["--jaeger", jaeger.query, *(f"--service={service.name}" for service in world.services)]


def test_a_jaeger_is_asked_again_and_again(jaeger: Jaeger, monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with_a_loss(monkeypatch)
    names = [f"--service={service.name}" for service in world.services]
    with command("watch", "--jaeger", jaeger.query, *names, "--format", "json", *QUICK) as watch:
        stored(world, jaeger)
        until(lambda: codes(watch), "a finding", PATIENCE)
        time.sleep(2.5)  # it asks again, and has told already
        watch.signal(signal.SIGINT)
        watch.finish()
        assert [one for one in codes(watch) if one[0] == "EDA104"] == [("EDA104", "LIKELY", [12, 12])]


@pytest.mark.usefixtures("jaeger")  # it is there
def test_what_came_after_a_jaeger_went_away_is_not_said_to_be_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with private(JaegerServer, tmp_path) as server:
        options = stored(world_with_a_loss(monkeypatch), server.client())
        with command("watch", *options, "--format", "json", *QUICK, "--fail-on", "never") as watch:
            until(lambda: codes(watch), "a finding", PATIENCE)
            server.kill()
            watch.signal(signal.SIGINT)
            assert watch.finish().status == 2
            assert watch.errors.splitlines()[-1].startswith(f"otel-eda: {server.client().query}: no Jaeger answers")
            assert any("did not answer" in note for note in summary(watch)["notes"])


def test_what_is_no_telemetry_is_not_said_to_be_clean(tmp_path: Path) -> None:
    written(tmp_path / "app.jsonl", ['{"level": "info"}'] * 3)
    with command("watch", tmp_path, *QUICK, "--duration", "1s") as watch:
        assert watch.finish().status == 2
        assert "nothing found" not in watch.errors
    with command("watch", tmp_path, "--format", "json", *QUICK, "--duration", "1s") as watch:
        assert watch.finish().status == 2
        assert watch.errors.splitlines()[-1] == "otel-eda: no telemetry has come, so nothing was checked"
        assert summary(watch)["notes"] == ["3 lines JSON, but not OTLP"]
