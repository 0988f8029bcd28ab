"""Whatever goes wrong between here and a ClickHouse is one clear line, and shows no password."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from otel_eda import cli
from otel_eda.diagnosis.sources.clickhouse_address import PASSWORD, PASSWORD_FILE
from otel_eda.diagnosis.sources.clickhouse_errors import limit, reason

from .conftest import SECRET, Server, served

clickhouse = pytest.importorskip("otel_eda.diagnosis.sources.clickhouse")
clickhouse_connection = pytest.importorskip("otel_eda.diagnosis.sources.clickhouse_connection")
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPENSSL = shutil.which("openssl")
NOWHERE = 9  # the port of a service that nobody runs


def complaint(capsys: pytest.CaptureFixture[str], place: str, *options: str) -> str:
    """Return the one line in which a diagnosis says why it could not run."""
    assert cli.main(["diagnose", place, *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert SECRET not in line
    return line


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, SECRET)


def plain(server: Server, database: str = "default", user: str = "reader") -> str:
    return f"clickhouse://{user}@127.0.0.1:{server.port}/{database}?secure=no"


@pytest.mark.parametrize("mode", ["", "&eda=eda"])
def test_a_wrong_password(
    mode: str, server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD, "another")
    assert "reader or the password is not known there" in complaint(capsys, plain(server) + mode)


def test_a_password_from_a_file(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(PASSWORD)
    monkeypatch.setenv(PASSWORD_FILE, str(tmp_path / "password"))
    assert "No such file" in complaint(capsys, plain(server))
    (tmp_path / "password").write_text(f"{SECRET}\n")
    assert "no table otel_traces" in complaint(capsys, plain(server))


def test_a_password_in_the_url(capsys: pytest.CaptureFixture[str]) -> None:
    line = complaint(capsys, "clickhouse://reader:hunter2@localhost/otel")
    assert "no password in a URL" in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("clickhouse://localhost/otel?tls=no", "no option tls"),
        ("clickhouse://localhost:many/otel", "cannot be read"),
        (f"clickhouse://127.0.0.1:{NOWHERE}/otel?secure=no", "no ClickHouse answers: Connection refused"),
        ("clickhouse://127.0.0.1/otel?ca=nothing.pem", "nothing.pem"),
    ],
)
def test_a_url_that_leads_nowhere(place: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert why in complaint(capsys, place)


def test_no_such_database(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such database" in complaint(capsys, plain(server, "nowhere"))


@pytest.mark.parametrize("mode", ["", "&eda=eda"])
def test_a_version_that_is_too_old(
    mode: str, server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clickhouse_connection, "OLDEST", (99, 1))
    assert "it has to be 99.1 or newer" in complaint(capsys, plain(server) + mode)


def test_tables_of_ours_that_are_not_there(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert "sees no table otel_traces" in complaint(capsys, f"{plain(server)}&eda=eda")
    with server.client() as client:
        client.command("CREATE DATABASE without")
        client.command(
            "CREATE TABLE without.otel_traces (SpanAttributes Map(String, String)) ENGINE MergeTree ORDER BY ()"
        )
        client.command("CREATE TABLE without.operations (span_id String) ENGINE MergeTree ORDER BY ()")
    line = complaint(capsys, f"{plain(server, 'without')}&eda=nowhere")
    assert "sees no table operations of nowhere: `otel-eda schema clickhouse --database nowhere` prints" in line
    assert "sees no column auto_ack in operations" in complaint(capsys, f"{plain(server, 'without')}&eda=without")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--service", "shop"), "alone, and whole"),
        (("--state", "state"), "remembers what was told itself"),
        (("another",), "alone, and whole"),
        (("--buckets", "4"), "read to this machine"),
    ],
)
def test_what_does_not_go_where_rows_stay(
    options: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert why in complaint(capsys, "clickhouse://localhost/otel?eda=eda", *options)


def test_attributes_in_json(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    with server.client() as client:
        client.command("CREATE DATABASE in_json")
        client.database = "in_json"
        client.command(
            "CREATE TABLE otel_traces (Timestamp DateTime64(9), SpanAttributes JSON) ENGINE MergeTree ORDER BY ()"
        )
    assert "attributes of type JSON" in complaint(capsys, plain(server, "in_json"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file with a key and a certificate that says of itself that it is 127.0.0.1's."""
    if OPENSSL is None:
        pytest.skip("needs openssl")
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    key = path.with_name("key.pem")
    subprocess.run([OPENSSL, *kind, *name, "-keyout", key, "-out", path], check=True, capture_output=True)
    path.write_text(path.read_text() + key.read_text())
    return path


@pytest.fixture(scope="module")
def encrypted(authority: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("encrypted"), authority) as running:
        yield running


def test_a_certificate_that_is_trusted(encrypted: Server, authority: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = f"clickhouse://reader@127.0.0.1:{encrypted.port}/default?ca={authority}"
    assert "no table otel_traces" in complaint(capsys, place)


def test_a_certificate_of_nobody(encrypted: Server, capsys: pytest.CaptureFixture[str]) -> None:
    line = complaint(capsys, f"clickhouse://reader@127.0.0.1:{encrypted.port}/default")
    assert "?ca=FILE" in line


def test_no_tls_where_it_is_wanted(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    line = complaint(capsys, f"clickhouse://reader@127.0.0.1:{server.port}/default")
    assert "it speaks no TLS" in line


def test_a_server_that_ends_while_it_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clickhouse, "number_of_spans", lambda _: "SELECT 1 + sleep(3)")
    with served(tmp_path) as running, running.client() as client:
        client.command("CREATE TABLE otel_traces (SpanAttributes Map(String, String)) ENGINE MergeTree ORDER BY ()")
        end = threading.Timer(1.5, running.process.kill)
        end.start()
        assert "no ClickHouse answers" in complaint(capsys, plain(running))
        end.join()


# What only a whole server says, in its own words.
SAID = {
    "Code: 497. DB::Exception: reader: Not enough privileges. To execute this query, it's necessary to have the grant "
    "SELECT(TraceId) ON otel.otel_traces. (ACCESS_DENIED)": "reader has no right to this: .*SELECT",
    "Code: 394. DB::Exception: Query was cancelled or a client has unexpectedly dropped the connection. "
    "(QUERY_WAS_CANCELLED)": "somebody ended the query",
    "Code: 241. DB::Exception: (total) memory limit exceeded: would use 1.00 GiB. (MEMORY_LIMIT_EXCEEDED)": "memory",
    "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)": "its disk is full",
    "Code: 202. DB::Exception: Too many simultaneous queries. (TOO_MANY_SIMULTANEOUS_QUERIES)": "too many queries",
    "Code: 999. DB::Exception: Something new.\nMore of it.": r"^Something new\.$",
}


def test_only_a_limit_leaves_the_other_checks_their_turn() -> None:
    limits = {text.split()[1]: limit(RuntimeError(text)) for text in SAID}
    assert {code for code, why in limits.items() if why} == {"241."}


@pytest.mark.parametrize(("said", "why"), SAID.items())
def test_what_a_server_says(said: str, why: str) -> None:
    assert re.search(why, reason(RuntimeError(f"Received ClickHouse exception, server response: {said}"), "reader"))
