"""A library is patched where its adapter says, and a client or message that cannot be read does no harm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.recorder import recording

from core.tinyqueue import Consumer, Producer, Queue

if TYPE_CHECKING:
    from otel_eda.core import Library


def test_a_client_that_cannot_be_identified_works_on(
    queue: Queue, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> Any:
        raise ZeroDivisionError

    library.identify = fail
    with recording(strict=False, quiet=False) as recorder:
        Producer(queue).send("orders", 4)
        consumer = Consumer(queue, "orders")
        assert [record.value for record in consumer] == [1, 2, 3, 4]
        consumer.seek("orders", 0)
        assert [record.value for record in consumer.poll()["orders"]] == [1, 2, 3, 4]
        consumer.seek("orders", 3)
        assert next(consumer).value == 4
        consumer.commit()
        consumer.close()
    assert consumer.committed == {"orders": 4}
    spans = recorder.ours()
    assert len(spans) == 1 + 4 + 1 + 4 + 1 + 1  # all that there are of one that can be identified
    assert not [span for span in spans if "server.address" in (span.attributes or {})]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("place", ["message", "identify"])
def test_a_message_that_cannot_be_read_is_delivered_all_the_same(queue: Queue, library: Library, place: str) -> None:
    def fail(_: object) -> Any:
        raise ZeroDivisionError

    setattr(library, place, fail)
    with recording(strict=False, quiet=False):
        assert [record.value for record in Consumer(queue, "orders")] == [1, 2, 3]
        assert [record.value for record in Consumer(queue, "orders").poll()["orders"]] == [1, 2, 3]


def test_everything_is_patched_where_the_adapter_says(library: Library) -> None:
    with recording():
        assert [*library.patches] == [place.target for place in library.places()]
        assert library.refused == {}
    assert library.patches == {}


@pytest.mark.parametrize("version", ["0.9", "0.9.9rc1"])
def test_a_version_that_is_older_than_supported_is_left_alone_and_logged(
    library: Library, version: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = dict(vars(Consumer))
    monkeypatch.setattr("core.tinyqueue.__version__", version)
    with recording(quiet=False):
        assert dict(vars(Consumer)) == before
        (why,) = library.refused.values()
    assert "is not supported (from 1, before 2)" in why
    assert [record.getMessage() for record in caplog.records] == [f"core.tinyqueue is not instrumented: {why}"]


@pytest.mark.parametrize("version", ["2.0", "2.0.1rc1", "17"])
def test_a_version_that_is_newer_than_supported_is_instrumented_and_one_line_says_so(
    library: Library, version: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("core.tinyqueue.__version__", version)
    with caplog.at_level("INFO", "otel_eda"), recording():
        assert [*library.patches] == [place.target for place in library.places()]
        assert "is newer than the versions that are tested (from 1, before 2)" in library.newer
    assert library.newer == ""
    (line,) = [record.getMessage() for record in caplog.records if "newer" in record.getMessage()]
    assert line.startswith(f"core.tinyqueue: version {version.partition('rc')[0].removesuffix('.0')}"[:24])


@pytest.mark.parametrize("changed", ["gone", "other arguments"])
def test_a_newer_version_in_which_a_place_is_not_as_it_was_is_left_alone_and_logged(
    library: Library, changed: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("core.tinyqueue.__version__", "2")
    if changed == "gone":
        monkeypatch.delattr(Consumer, "seek")
    else:
        monkeypatch.setattr(Consumer, "commit", lambda *_: None)
    before = dict(vars(Consumer))
    with recording(quiet=False):
        assert dict(vars(Consumer)) == before
        assert (library.patches, library.newer) == ({}, "")
        assert [*library.refused] == ["core.tinyqueue"]
    assert "is newer than the versions that are tested (from 1, before 2), and core.tinyqueue:Consumer." in caplog.text


@pytest.mark.parametrize("version", ["1", "1.2.3", "1.9rc1", "unheard of", None])
def test_a_version_that_is_supported_or_unknown_is_instrumented(
    library: Library, version: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.tinyqueue.__version__", version)
    with recording():
        assert library.patches


def test_a_missing_place_is_logged_and_the_rest_is_instrumented(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(Consumer, "seek")
    with recording(quiet=False):
        assert [*library.refused] == ["core.tinyqueue:Consumer.seek"]
        assert len(library.patches) == len(library.places()) - 1
    assert "core.tinyqueue:Consumer.seek is not instrumented" in caplog.text
