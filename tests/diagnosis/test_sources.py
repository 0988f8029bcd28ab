"""Telemetry is read from wherever it is, in whatever state it is: what is damaged is counted, the rest is used."""

from __future__ import annotations

import base64
import gzip
import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_eda.diagnosis import UnusableError, catalog, engine, store
from otel_eda.diagnosis.reports.json import document
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources import stdin
from otel_eda.diagnosis.sources.files import Files

from .telemetry import BEGIN, flow, pairs

if TYPE_CHECKING:
    from pathlib import Path

    from otel_eda.diagnosis.intake import Intake

WORLD = flow(12, 2, skip={4}).world
LINES = WORLD.lines(size=3)
SPANS = sum(len(service.spans) for service in WORLD.services)


def read(*places: Path | str) -> Intake:
    with store.Store() as made:
        made.read([Files(str(place)) for place in places])
        return made.intake


def rows(*places: Path | str) -> list[tuple[Any, ...]]:
    with store.Store() as made:
        made.read([Files(str(place)) for place in places])
        return made.ask("SELECT * FROM operations ORDER BY span_id, message_offset")


def written(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return written(tmp_path / "whole.jsonl", "\n".join(LINES) + "\n")


class TestFiles:
    def test_folders_patterns_and_packed_files(self, tmp_path: Path) -> None:
        data = ("\n".join(LINES) + "\n").encode()
        middle = data.index(b"\n", len(data) // 2) + 1
        written(tmp_path / "in" / "a.jsonl.gz", gzip.compress(data[:middle]))
        written(tmp_path / "in" / "deep" / "b.json.zst", zstandard.compress(data[middle:]))
        written(tmp_path / "in" / "readme.txt", "no telemetry")
        assert read(tmp_path / "in").spans == SPANS
        assert read(tmp_path / "in" / "**" / "*.zst", tmp_path / "in" / "*.gz").spans == SPANS

    def test_a_name_is_no_pattern_if_there_is_such_a_file(self, tmp_path: Path) -> None:
        assert read(written(tmp_path / "a[1]*.jsonl", LINES[0])).files == 1

    def test_standard_input(self, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for data in (whole.read_bytes(), gzip.compress(whole.read_bytes())):
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
            with store.Store() as made:
                made.read([stdin.Stdin()])
                assert made.intake.spans == SPANS
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"hello\n")))
        with store.Store() as made, pytest.raises(UnusableError, match=r"^standard input: no OTLP JSON in it"):
            made.read([stdin.Stdin()])

    @pytest.mark.parametrize("text", ["", "hello\nworld\n", '{"a": 1}\n', "\n\n", b"\x00\xff\xfe" * 100])
    def test_what_is_no_otlp_is_said_in_one_line(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(UnusableError, match=r"^x\.jsonl: (no OTLP JSON|nothing) in it[^\n]*$"):
            read(written(tmp_path / "x.jsonl", text))

    def test_what_is_not_there_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(UnusableError, match="there is no such file"):
            read(tmp_path / "nothing")
        (tmp_path / "notes.txt").touch()
        with pytest.raises(UnusableError, match="no file in this folder is named as telemetry is"):
            read(tmp_path)

    def test_one_document_of_many_lines(self, tmp_path: Path) -> None:
        text = "\n".join(json.dumps(json.loads(line), indent=2) for line in LINES)
        assert read(written(tmp_path / "x.json", text)).spans == SPANS

    def test_a_line_longer_than_duckdb_takes(self, tmp_path: Path) -> None:
        spans = [span.json for service in WORLD.services for span in service.spans]
        filler = {"key": "filler", "value": {"stringValue": "x" * 600_000}}
        long = [{**span, "attributes": [*span["attributes"], filler]} for span in spans]
        request = {"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": long}]}]}
        assert len(json.dumps(request)) > 16 << 20
        assert read(written(tmp_path / "x.jsonl", json.dumps(request))).spans == SPANS

    def test_a_packed_file_that_breaks_off_gives_what_came_before(self, tmp_path: Path) -> None:
        data = "\n".join(flow(400).world.lines()).encode()
        for name, packed in (("x.jsonl.gz", gzip.compress(data)), ("x.jsonl.zst", zstandard.compress(data))):
            found = read(written(tmp_path / name, packed[: len(packed) // 2]))
            assert found.broken == [name] or found.lines["damaged"] == 1, name
            assert found.spans > 100


class TestLines:
    def test_damaged_and_foreign_ones_are_counted_and_the_rest_is_used(self, tmp_path: Path) -> None:
        text = "\n".join([LINES[0][:-9], *LINES, '{"level": "info"}', "oops", '{"a": "\udcff"}'])
        found = read(written(tmp_path / "x.jsonl", text.encode("utf-8", "surrogateescape")))
        assert (found.spans, found.lines["damaged"], found.lines["foreign"]) == (SPANS, 3, 1)
        assert list(found.notes()) == ["3 lines damaged, so not read", "1 line JSON, but not OTLP"]

    def test_repeated_ones_are_used_once(self, tmp_path: Path, whole: Path) -> None:
        found = read(written(tmp_path / "x.jsonl", "\n".join(LINES + LINES[:2])), whole)
        assert found.spans == SPANS
        assert found.repeated == SPANS + 6
        assert rows(tmp_path / "x.jsonl", whole) == rows(whole)

    def test_a_file_named_twice_is_counted_twice_and_used_once(self, whole: Path) -> None:
        once, twice = read(whole), read(whole, whole)
        assert once.lines["metrics"] > 0
        assert twice.lines == {kind: 2 * number for kind, number in once.lines.items()}
        assert (twice.spans, twice.repeated) == (SPANS, SPANS)

    def test_ids_may_be_upper_case_or_base64(self, tmp_path: Path, whole: Path) -> None:
        def changed(value: Any, how: Any) -> Any:
            if isinstance(value, list):
                return [changed(item, how) for item in value]
            if not isinstance(value, dict):
                return value
            return {key: how(item) if key.endswith("Id") else changed(item, how) for key, item in value.items()}

        for how in (str.upper, lambda text: base64.b64encode(bytes.fromhex(text)).decode()):
            text = "\n".join(json.dumps(changed(json.loads(line), how)) for line in LINES)
            assert rows(written(tmp_path / "x.jsonl", text)) == rows(whole)

    def test_numbers_may_be_numbers_and_enums_names(self, tmp_path: Path, whole: Path) -> None:
        kinds = {4: "SPAN_KIND_PRODUCER", 5: "SPAN_KIND_CONSUMER", 3: "SPAN_KIND_CLIENT", 1: "SPAN_KIND_INTERNAL"}

        def plain(span: dict[str, Any]) -> dict[str, Any]:
            times = {key: int(span[key]) for key in ("startTimeUnixNano", "endTimeUnixNano")}
            attributes = [
                {"key": pair["key"], "value": {name: int(item) if name == "intValue" else item}}
                for pair in span["attributes"]
                for name, item in pair["value"].items()
            ]
            return {**span, **times, "attributes": attributes, "kind": kinds[span["kind"]], "somethingNew": [{"a": 1}]}

        requests = [json.loads(line) for line in LINES]
        for request in requests:
            for resource in request.get("resourceSpans", ()):
                for scope in resource["scopeSpans"]:
                    scope["spans"] = [plain(span) for span in scope["spans"]]
        assert rows(written(tmp_path / "x.jsonl", "\n".join(map(json.dumps, requests)))) == rows(whole)

    def test_spans_without_ids_or_times_are_counted(self, tmp_path: Path) -> None:
        spans: list[dict[str, Any]] = [{}, {"traceId": "zz", "spanId": 5}, {"traceId": "0" * 32, "spanId": "1" * 16}]
        request = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
        found = read(written(tmp_path / "x.jsonl", "\n".join([request, *LINES])))
        assert (found.unidentified, found.spans) == (3, SPANS)

    @pytest.mark.parametrize(
        "request_",
        [
            {"resourceSpans": None},
            {"resourceSpans": {"a": 1}},
            {"resourceSpans": [5, None, {"scopeSpans": "x"}]},
            {"resourceSpans": [{"resource": [], "scopeSpans": [{"spans": [{"attributes": {"a": 1}, "links": 7}]}]}]},
            {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": 5, "sum": {"dataPoints": "x"}}, {}]}]}]},
            {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"eventName": {"a": 1}}, None]}]}]},
        ],
    )
    def test_what_has_another_form_than_otlp_does_no_harm(self, tmp_path: Path, request_: dict[str, Any]) -> None:
        assert read(written(tmp_path / "x.jsonl", "\n".join([json.dumps(request_), *LINES]))).spans == SPANS


class TestOtherInstrumentations:
    @pytest.mark.parametrize(
        ("kind", "said", "expected"),
        [
            (
                4,
                {"messaging.system": "kafka", "messaging.destination": "orders", "messaging.kafka.partition": 3},
                ("send", "orders", "3", None, None),
            ),
            (
                5,
                {
                    "messaging.system": "kafka",
                    "messaging.operation": "process",
                    "messaging.destination.name": "orders",
                    "messaging.kafka.consumer.group": "billing",
                    "messaging.kafka.destination.partition": 3,
                    "messaging.kafka.message.offset": 7,
                },
                ("process", "orders", "3", 7, "billing"),
            ),
            (3, {"messaging.system": "rabbitmq", "messaging.operation": "publish"}, ("send", None, None, None, None)),
            (1, {"http.request.method": "GET"}, (None, None, None, None, None)),
        ],
    )
    def test_older_names_are_read(
        self, tmp_path: Path, kind: int, said: dict[str, Any], expected: tuple[Any, ...]
    ) -> None:
        span = {
            "traceId": "a" * 32, "spanId": "b" * 16, "kind": kind, "attributes": pairs(said),
            "startTimeUnixNano": str(BEGIN + 5), "endTimeUnixNano": str(BEGIN + 3),
        }  # fmt: skip
        request = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
        with store.Store() as made:
            made.read([Files(str(written(tmp_path / "x.jsonl", json.dumps(request))))])
            columns = "type, destination, partition_id, message_offset, consumer_group"
            assert made.ask(f"SELECT {columns} FROM operations") == [expected]
            assert made.ask("SELECT started, ended, service FROM operations") == [(BEGIN + 5, BEGIN + 5, "")]

    def test_a_batch_is_a_row_for_each_message(self, tmp_path: Path) -> None:
        made = flow(6, 1)
        made.billing.receive(made.messages, 1.0)
        with store.Store() as tables:
            tables.read([Files(str(made.world.write(tmp_path)))])
            found = tables.ask(
                "SELECT partition_id, message_offset, origin_trace FROM operations WHERE type = 'receive' ORDER BY ALL"
            )
        assert found == [("0", turn, message.span.trace) for turn, message in enumerate(made.messages)]


def said(lines: list[str], folder: Path) -> Any:
    """Give what a diagnosis of lines says, but for how many lines there were."""
    path = written(folder / "some.jsonl", "\n".join(lines))
    with store.Store() as made:
        made.read([Files(str(path))])
        found = document(engine.diagnose(made, catalog.chosen(["EDA1", "EDA2", "EDA7"], []), Bounds(grace=1.0)))
    for counts in ("lines", "repeated_spans"):
        del found["completeness"][counts]
    return found


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Any:
    found = said(LINES, tmp_path_factory.mktemp("straight"))
    assert [finding["code"] for finding in found["findings"]] == ["EDA104"]
    return found


@pytest.mark.timeout(300)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_order_repeats_and_damage_change_nothing(
    straight: Any, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lines = data.draw(st.permutations(LINES + data.draw(st.lists(st.sampled_from(LINES), max_size=5))))
    cut = data.draw(st.lists(st.tuples(st.sampled_from(LINES), st.integers(1, 40)), max_size=3))
    broken = [line[:-length] for line, length in cut]
    assert said([*broken, *lines], tmp_path_factory.mktemp("crooked")) == straight


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "traceId",
                    "spanId",
                    "attributes",
                    "key",
                    "value",
                    "stringValue",
                    "links",
                    "spans",
                    "scopeSpans",
                    "resource",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.timeout(300)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(JSON, max_size=20))
def test_no_json_is_too_strange(tmp_path_factory: pytest.TempPathFactory, values: list[Any]) -> None:
    tops = ("resourceSpans", "resourceMetrics", "resourceLogs")
    lines = [json.dumps({tops[turn % 3]: value}) for turn, value in enumerate(values)]
    path = written(tmp_path_factory.mktemp("strange") / "x.jsonl", "\n".join([*lines, *LINES]))
    assert read(path).spans == SPANS
