"""However often something is wrong, it is logged once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import otel_eda
from core.tinyqueue import Consumer, Queue
from otel_eda import config
from otel_eda.core.runtime import guard

if TYPE_CHECKING:
    import pytest
    from support.recorder import Recorder

    from otel_eda.core import Library

log = logging.getLogger("otel_eda")


def test_what_is_wrong_is_logged_once_however_often_we_are_switched_on(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EDA_TRUST", "nonsense")
    monkeypatch.setenv("OTEL_EDA_REGISTRIES", "nonsense()")
    for _ in range(20):
        otel_eda.enable(only=(library.name, "registries"))
        otel_eda.enable()
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert sorted({*said}) == sorted(said)
    assert sum("OTEL_EDA_TRUST" in message for message in said) == 1
    assert sum("OTEL_EDA_REGISTRIES" in message for message in said) == 1
    assert sum("spans go nowhere" in message for message in said) == 1
    otel_eda.disable()
    config.reload()
    assert sum("OTEL_EDA_TRUST" in record.getMessage() for record in caplog.records) == 2  # then it is news again


def test_a_flow_of_failures_is_a_line_for_each_step(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from support.recorder import recording

    def broken(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(library, "message", broken)
    queue = Queue()
    queue.fill("orders", *range(1000))
    with recording(strict=False, quiet=False) as recorder:
        for _ in Consumer(queue, "orders"):
            pass
        lines = [record.getMessage() for record in caplog.records]
        counts = [getattr(point, "value", 0) for point in recorder.points("eda.telemetry.failures")]
    assert len({*lines}) == len(lines) == len(counts)  # a line for each step that fails
    assert max(counts) >= 1000


def test_there_is_an_end_to_it(caplog: pytest.LogCaptureFixture) -> None:
    for number in range(10 * guard.MAX_MESSAGES):
        log.warning("%d", number)
    assert len(caplog.records) == guard.MAX_MESSAGES


def test_all_is_quiet_where_nothing_is_wrong(
    recorder: Recorder, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in Consumer(queue, "orders"):
        pass
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_the_frames_of_what_has_failed_are_not_kept(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("it cannot be read")
    except ValueError:
        log.exception("a step of %s failed", library.name)
    assert [record.exc_info is None for record in caplog.records] == [False]
    assert not any(isinstance(kept, logging.LogRecord) for kept in guard.log_once.seen.values())
