"""`otel-eda watch` as a user runs it: over OTLP from real programs, growing files, a Jaeger; flooded; interrupted."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from brokers.jaeger import JaegerServer
from brokers.service import private
from diagnosis import telemetry
from diagnosis.telemetry import flow
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support.programs import MAIN, Way, launched, run, running
from support.waiting import until

from live.programs import codes, command, endpoint, found, memory, summary
from otel_eda import cli
from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store
from otel_eda.live.sources import GrowingFiles
from otel_eda.otlp.queue import QUEUE_BYTES

if TYPE_CHECKING:
    from brokers.jaeger import Jaeger
    from brokers.kafka import Kafka
    from diagnosis.telemetry import Telemetry

PROGRAMS = Path(__file__).parents[1] / "diagnosis" / "programs"
QUICK = ("--every", "1s", "--hold", "2s", "--grace", "2")
ANYWHERE = ("--otlp", "127.0.0.1:0", "--format", "json")
PATIENCE = 60.0
COUNT = 20
MEMORY = 600 << 20  # what waits, what DuckDB may have, and the one that is being written


@pytest.mark.timeout(240)
@pytest.mark.parametrize("protocol", ["otlp", "otlp-grpc"])
def test_a_fault_on_a_real_kafka_is_told_while_it_is_watched(kafka: Kafka, topic: str, protocol: str) -> None:
    with command("watch", f"--{protocol}", "127.0.0.1:0", "--format", "json", *QUICK) as watch:
        way = {"OTEL_TRACES_EXPORTER": "otlp_proto_grpc", "OTEL_METRICS_EXPORTER": "otlp_proto_grpc"}
        more = {} if protocol == "otlp" else {**way, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
        place = endpoint(watch)
        group = f"billing-{uuid.uuid4().hex[:8]}"
        sent = run(launched(place, "shop", **more), PROGRAMS / "shop.py", kafka.address, topic, COUNT)
        billed = launched(place, "billing", **more)
        done = run(billed, PROGRAMS / "billing.py", kafka.address, topic, group, COUNT, "swallows")
        assert (sent.status, done.status, sent.errors, done.errors) == (0, 0, "", "")
        until(lambda: ("EDA104", "CONFIRMED", [7, 7]) in codes(watch), "the lost message", PATIENCE)
        watch.signal(signal.SIGINT)
        assert watch.finish().status == 1
        confirmed = [one for one in codes(watch) if one[1] == "CONFIRMED"]
        assert confirmed == [("EDA104", "CONFIRMED", [7, 7])]
        assert {code for code, _, _ in codes(watch)} == {"EDA104"}
        assert summary(watch)["confirmed"] == 1
        assert summary(watch)["notes"] == []


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
    feed = GrowingFiles(str(path))
    assert list(feed.read()) == [b'{"a":1}', b'{"a":2}']
    path.write_bytes(b'{"b":1}\n')
    assert list(feed.read()) == [b'{"b":1}']
    (tmp_path / "next").write_bytes(b'{"c":1}\n{"c":2}\n')
    os.replace(tmp_path / "next", path)
    assert list(feed.read()) == [b'{"c":1}', b'{"c":2}']
    path.unlink()
    assert list(feed.read()) == []
    assert list(feed.notes()) == []


@pytest.mark.parametrize("followed", ["telemetry.jsonl", ".", "*.jsonl"])
def test_a_file_that_is_rotated_is_read_once_and_to_its_end(followed: str, tmp_path: Path) -> None:
    path, older = tmp_path / "telemetry.jsonl", tmp_path / "telemetry-2026-11-25T09-00-00.000.jsonl"
    path.write_bytes(b'{"a":1}\n{"a"')
    feed = GrowingFiles(str(tmp_path / followed))
    assert list(feed.read()) == [b'{"a":1}']
    with path.open("ab", buffering=0) as file:
        file.write(b':2}\n{"a":3}\n')
        path.rename(older)
        path.write_bytes(b'{"b":1}\n')
        assert sorted(feed.read()) == [b'{"a":2}', b'{"a":3}', b'{"b":1}']
        file.write(b'{"a":4}\nnothing\n')
    with path.open("ab") as file:
        file.write(b'{"b":2}\n')
    assert sorted(feed.read()) == [b'{"a":4}', b'{"b":2}']
    older.unlink()
    assert list(feed.read()) == []
    assert list(feed.tails) == [(path.stat().st_dev, path.stat().st_ino)]
    assert list(feed.notes()) == [f"{older.name}: 1 damaged line, so not read"]


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
        assert [one for one in codes(watch) if one[0] == "EDA104"] == [("EDA104", "SUSPECT", [12, 12])]


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


def spans(number: int, payload: int = 400) -> bytes:
    request = ExportTraceServiceRequest()
    made = request.resource_spans.add().scope_spans.add().spans
    for _ in range(number):
        span = made.add(trace_id=os.urandom(16), span_id=os.urandom(8), name="x" * payload)
        span.start_time_unix_nano = span.end_time_unix_nano = time.time_ns()
    return request.SerializeToString()


@pytest.mark.timeout(240)
def test_a_flood_is_taken_as_far_as_it_can_be_the_rest_refused_and_counted() -> None:
    arguments = (*ANYWHERE, *QUICK, "--most", "8", "--select", "EDA1")
    with command("watch", *arguments) as watch:
        place = urlsplit(endpoint(watch)).netloc
        before, body = memory(watch), spans(2000)
        answers: list[int] = []
        connection = http.client.HTTPConnection(place, timeout=30)
        while answers.count(503) < 20 or answers.count(200) * len(body) <= QUEUE_BYTES:
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            answers.append(answer.status)
            if answer.status == 503:
                time.sleep(0.01)  # as one is told to
            assert len(answers) < 5000, "it never refuses, or never takes again"
        connection.close()
        grown = memory(watch) - before
        watch.signal(signal.SIGINT)
        assert watch.finish(120).status == 0
        notes = "\n".join(summary(watch)["notes"])
        assert f"{answers.count(503):,} requests refused: no room" in notes
        assert set(answers) == {200, 503}
        assert "MB left the window before their time" in notes
    assert grown < MEMORY, f"{grown >> 20} MB more"


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
        (["--every", "soon"], "'--every': 'soon' is no number of seconds"),
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


def test_a_file_that_cannot_be_read_is_noted_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "open.jsonl").write_bytes(b'{"a":1}\n')
    with socket.socket(socket.AF_UNIX) as server:  # which not even root can read
        server.bind(str(tmp_path / "a.sock"))
        feeds = [GrowingFiles(str(tmp_path / name)) for name in ("a.sock", "open.jsonl")]
        assert [list(feed.read()) for feed in feeds] == [[], [b'{"a":1}']]
        assert [list(feed.notes()) for feed in feeds] == [["a.sock: not read: No such device or address"], []]


def test_what_is_no_telemetry_is_not_said_to_be_clean(tmp_path: Path) -> None:
    written(tmp_path / "app.jsonl", ['{"level": "info"}'] * 3)
    with command("watch", tmp_path, "--format", "json", *QUICK, "--duration", "1s") as watch:
        assert watch.finish().status == 2
        assert watch.errors.splitlines()[-1] == "otel-eda: no OTLP has come, so nothing was checked"
        assert summary(watch)["notes"] == ["3 lines JSON, but not OTLP"]


def test_text_says_what_happened_and_values_do_not_steer_the_terminal(tmp_path: Path) -> None:
    made = flow(40, 1, skip={12})
    made.billing.process(made.messages[12], 1.21, error="Evil\x1b]0;title\x07\x1b[2J\r\nError")
    path = made.world.write(tmp_path)
    with command("watch", path, *QUICK, "--duration", "8s") as watch:
        outcome = watch.finish()
    assert outcome.status == 1
    assert "EDA104 CONFIRMED Lost in the consumer  billing ← orders [0] @12" in outcome.output
    assert "1 confirmed" in outcome.errors
    assert not set("\x1b\x07\r") & {*outcome.output, *outcome.errors}


def test_the_same_way_ends_it_whatever_is_asked_for(tmp_path: Path) -> None:
    made = flow(40, 1, skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    path = made.world.write(tmp_path)
    with command("watch", path, *QUICK, "--duration", "8s", "--fail-on", "never", "--format", "json") as watch:
        assert watch.finish().status == 0
        assert codes(watch)[-1] == ("EDA104", "CONFIRMED", [12, 12])
        assert {code for code, _, _ in codes(watch)} == {"EDA104"}
