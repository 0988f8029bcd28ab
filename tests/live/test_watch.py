"""`otel-eda watch` as a user runs it: over OTLP from real programs, growing files, a Jaeger; flooded; interrupted."""

from __future__ import annotations

import http.client
import os
import signal
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from diagnosis.telemetry import flow
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support.programs import launched, run
from support.waiting import until

from live.programs import ANYWHERE, PATIENCE, QUICK, codes, command, endpoint, memory, summary
from live.terminal import terminal
from otel_eda.otlp.queue import QUEUE_BYTES

if TYPE_CHECKING:
    from brokers.kafka import Kafka

PROGRAMS = Path(__file__).parents[1] / "diagnosis" / "programs"
COUNT = 20
MEMORY = 600 << 20  # the queue, DuckDB's part, and the request that is being written


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
        time.sleep(5)  # the ledger's count proves it before the last metrics of all are taken in
        watch.signal(signal.SIGINT)
        assert watch.finish().status == 1
        confirmed = [one for one in codes(watch) if one[1] == "CONFIRMED"]
        assert confirmed == [("EDA104", "CONFIRMED", [7, 7])]
        assert {code for code, _, _ in codes(watch)} == {"EDA104"}
        assert summary(watch)["confirmed"] == 1
        # Nothing was refused or left out, and nothing is too young.
        assert [note for note in summary(watch)["notes"] if "cannot be told" not in note] == []


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


def test_what_is_too_young_at_the_end_and_what_cannot_be_asked_is_noted(tmp_path: Path) -> None:
    made = flow(40, 1, skip={12})
    for attempt in range(3):
        made.billing.process(made.messages[12], 1.21 + attempt / 100, error="KeyError")
    path = made.world.write(tmp_path)
    with command("watch", path, "--grace", "0", "--hold", "1h", "--duration", "1s") as watch:
        outcome = watch.finish()
    assert (outcome.status, outcome.output) == (0, "")
    assert "nothing found" in outcome.errors
    young = "Note: of messages that are too young nothing is said yet (EDA104: 1, EDA402: 3): look again later"
    assert f"{young}, or shorten the time with --grace and --hold" in outcome.errors
    assert "Note: no logs are here" in outcome.errors


def test_a_terminal_has_a_status_line_and_its_lines_are_wrapped_at_words(tmp_path: Path) -> None:
    made = flow(40, 1, skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    path = made.world.write(tmp_path)
    with terminal("watch", path, *QUICK, "--duration", "8s", columns=60) as watch:
        assert watch.finish() == 1
        written, shown = watch.written.decode(), watch.lines()
    assert "hears billing, shop: 121 spans in the window" in written
    assert "trace " in "\n".join(shown)
    assert made.messages[12].span.trace in "".join(line.strip() for line in shown)
    told = " ".join(" ".join(shown).split())
    assert "no member of it finished it: KeyError, at 2026-" in told
    assert "send what cannot be handled to a dead-letter destination" in told
    assert not any("hears" in line for line in shown)  # it was removed at the end


def test_the_same_way_ends_it_whatever_is_asked_for(tmp_path: Path) -> None:
    made = flow(40, 1, skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    path = made.world.write(tmp_path)
    with command("watch", path, *QUICK, "--duration", "8s", "--fail-on", "never", "--format", "json") as watch:
        assert watch.finish().status == 0
        assert codes(watch)[-1] == ("EDA104", "CONFIRMED", [12, 12])
        assert {code for code, _, _ in codes(watch)} == {"EDA104"}
