"""Files in other forms than lines of OTLP JSON: protobuf, however it is framed and compressed, and what pages give."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_eda import semconv
from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

from .telemetry import BEGIN, flow, pairs, scoped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from google.protobuf.message import Message

WORLD = flow(12, 2, skip={4}).world
RECORD = {"timeUnixNano": str(BEGIN), "eventName": "eda.partitions.assigned", "attributes": pairs({"a": "b"})}
WORLD.extra = [scoped(WORLD.services[1], "resourceLogs", "scopeLogs", "logRecords", [RECORD])]
LINES = WORLD.lines(size=3)
SPANS = sum(len(service.spans) for service in WORLD.services)
TABLES = ("operations", "metrics", "events")
KINDS: dict[str, Callable[[], Message]] = {
    "resourceSpans": ExportTraceServiceRequest,
    "resourceMetrics": ExportMetricsServiceRequest,
    "resourceLogs": ExportLogsServiceRequest,
}


def as_message(line: str) -> bytes:
    """Return the protobuf of a line of OTLP JSON."""
    from google.protobuf import json_format

    request = json.loads(line)
    (signal,) = request
    message = json_format.ParseDict(_with_base64(request), KINDS[signal]())
    return message.SerializeToString()


def _with_base64(value: Any) -> Any:
    """Return OTLP JSON with its ids as protobuf's own JSON has them."""
    from base64 import b64encode

    if isinstance(value, list):
        return [_with_base64(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: b64encode(bytes.fromhex(item)).decode() if key.endswith("Id") else _with_base64(item)
        for key, item in value.items()
    }


def varint(value: int) -> bytes:
    made = bytearray()
    while value >= 128:
        made.append(value % 128 + 128)
        value //= 128
    return bytes([*made, value])


MESSAGES = [as_message(line) for line in LINES]
FORMS = {
    "a request in a file": None,
    "requests with four bytes of length": b"".join(len(body).to_bytes(4, "big") + body for body in MESSAGES),
    "requests with varints of length": b"".join(varint(len(body)) + body for body in MESSAGES),
    "JSON with four bytes of length, each compressed": b"".join(
        len(body).to_bytes(4, "big") + body for body in (zstandard.compress(line.encode()) for line in LINES)
    ),
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}


def rows(place: Path) -> list[list[tuple[Any, ...]]]:
    with Store() as store:
        store.read([Files(str(place))])
        assert (store.intake.lines["damaged"], store.intake.broken) == (0, [])
        return [store.ask(f"SELECT * FROM {table} ORDER BY ALL") for table in TABLES]


def write(folder: Path, data: bytes | None, ending: str) -> Path:
    for number, body in enumerate(MESSAGES if data is None else [data]):
        (folder / f"telemetry-{number}.pb{ending}").write_bytes(PACKERS[ending](body))
    return folder


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[Any, ...]]]:
    path = tmp_path_factory.mktemp("straight") / "x.jsonl"
    path.write_text("\n".join(LINES), "utf-8")
    found = rows(path)
    assert all(found)
    return found


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("form", FORMS)
def test_protobuf_is_read_as_json_is(
    form: str, ending: str, straight: list[list[tuple[Any, ...]]], tmp_path: Path
) -> None:
    assert rows(write(tmp_path, FORMS[form], ending)) == straight


@pytest.mark.parametrize("form", [form for form, data in FORMS.items() if data])
def test_protobuf_that_breaks_off_gives_what_came_before(form: str, tmp_path: Path) -> None:
    data = FORMS[form]
    assert data
    path = tmp_path / "x.pb"
    path.write_bytes(data[: len(data) // 2])
    with Store() as store:
        store.read([Files(str(path))])
        assert store.intake.lines["damaged"] == 1
        assert SPANS / 4 < store.intake.spans < SPANS


@pytest.mark.parametrize("form", ["requests with four bytes of length", "requests with varints of length"])
def test_a_damaged_request_is_counted_and_those_after_it_are_used(form: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pb"
    path.write_bytes((FORMS[form] or b"").replace(MESSAGES[1], b"\xff" * len(MESSAGES[1])))
    with Store() as store:
        store.read([Files(str(path))])
        assert (store.intake.lines["damaged"], store.intake.spans) == (1, SPANS - 3)


WRAPPED = {
    "Jaeger's API v3": lambda lines: json.dumps({"result": merged(lines)}),
    "a stream of Jaeger's API v3": lambda lines: "\n".join(json.dumps({"result": json.loads(line)}) for line in lines),
    "Tempo's API": lambda lines: json.dumps({"batches": merged(lines)["resourceSpans"]}),
    "Tempo's API v2": lambda lines: json.dumps({"trace": merged(lines)}, indent=2),
}


def merged(lines: list[str]) -> dict[str, Any]:
    return {"resourceSpans": [resource for line in lines for resource in json.loads(line)["resourceSpans"]]}


@pytest.mark.parametrize("form", WRAPPED)
def test_answers_of_apis_are_read(form: str, straight: list[list[tuple[Any, ...]]], tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(WRAPPED[form]([line for line in LINES if "resourceSpans" in line]), "utf-8")
    assert rows(path)[0] == straight[0]


TEXT = "\n".join(LINES).encode()
DISGUISES = {
    "a list of requests.json": f"[{','.join(LINES)}]".encode(),
    "no gzip.jsonl.gz": TEXT,
    "no zstd.jsonl.zst": TEXT,
    "gzip.jsonl": gzip.compress(TEXT),
    "zstd.json": zstandard.compress(TEXT),
}


@pytest.mark.parametrize("name", DISGUISES)
def test_what_is_in_a_file_counts_and_not_what_its_name_says(
    name: str, straight: list[list[tuple[Any, ...]]], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(DISGUISES[name])
    with Store() as store:
        store.read([Files(str(tmp_path / name))])
        assert [store.ask(f"SELECT * FROM {table} ORDER BY ALL") for table in TABLES] == straight


DEEP = {
    "{}": b"[" * 200_000,
    '{"resourceSpans"}': b'{"resourceSpans":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a trace of Jaeger": b'{"data":' + b"[" * 900 + b"]" * 900 + b"}",
    "a trace of Jaeger, deeper": b'{"data":' + b"[" * 100_000,
    "protobuf": b"".join(len(body).to_bytes(4, "big") + body for body in [b'{"resourceSpans":' + b"[" * 100_000]),
}


@pytest.mark.parametrize("name", DEEP)
def test_what_is_nested_too_deep_is_damaged(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(TEXT)
    (tmp_path / "deep.json").write_bytes(DEEP[name])
    with Store() as store:
        store.read([Files(str(tmp_path))])
        assert store.intake.spans == SPANS
    with Store() as store, pytest.raises(UnusableError, match=r"^deep\.json: "):
        store.read([Files(str(tmp_path / "deep.json"))])


def test_a_number_of_an_event_that_cannot_be_is_unknown_and_counted(tmp_path: Path) -> None:
    service = WORLD.services[1]
    records = [
        {"timeUnixNano": str(BEGIN + at), "eventName": "eda.position", "attributes": pairs({semconv.OFFSET: offset})}
        for at, offset in enumerate((7, 2**62))
    ]
    logs = scoped(service, "resourceLogs", "scopeLogs", "logRecords", records)
    path = tmp_path / "some.jsonl"
    path.write_text("\n".join([*LINES, json.dumps(logs)]))
    with Store() as store:
        store.read([Files(str(path))])
        offsets = store.ask("SELECT message_offset FROM events WHERE name = 'eda.position' ORDER BY time")
        assert offsets == [(7,), (None,)]
        assert "1 event with a number that cannot be; it is not used" in store.intake.notes()
