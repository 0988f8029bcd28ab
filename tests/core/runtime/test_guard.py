"""No failure of ours reaches the application, and none is silent."""

from __future__ import annotations

import pytest

from otel_eda.core.runtime import guard
from otel_eda.core.runtime.guard import failed, guarded

STEP = f"{__name__}.divide"


@guarded
def divide(number: int, by: int = 0) -> float:
    """Divide."""
    return number / by


@guarded(default=-1)
def divide_or(number: int, by: int = 0) -> float:
    return number / by


@guarded
def leave() -> None:
    raise KeyboardInterrupt


def test_what_succeeds_gives_its_result() -> None:
    assert divide(4, by=2) == 2
    assert divide_or(4, 2) == 2
    assert not guard.failures


def test_what_fails_gives_the_default() -> None:
    assert divide(1) is None
    assert divide_or(1) == -1


def test_a_guarded_function_keeps_its_name() -> None:
    assert (divide.__name__, divide.__doc__) == ("divide", "Divide.")


def test_the_first_failure_of_a_step_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    divide(1)
    divide(2)
    divide(3)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("otel_eda", "ERROR")
    assert STEP in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)
    assert record.exc_info[1].__traceback__ is not None


def test_every_failure_is_counted_by_its_step() -> None:
    for _ in range(3):
        divide(1)
    divide_or(1)
    assert guard.failures == {STEP: 3, f"{STEP}_or": 1}


def test_each_step_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    divide(1)
    divide_or(1)
    assert len(caplog.records) == 2


def test_strict_raises_the_very_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EDA_STRICT", "1")
    error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError) as caught:
        failed("step", error)
    assert caught.value is error
    with pytest.raises(ZeroDivisionError):
        divide(1)
    assert guard.failures == {"step": 1, STEP: 1}


def test_an_interrupt_is_not_ours_to_keep() -> None:
    with pytest.raises(KeyboardInterrupt):
        leave()
    assert not guard.failures
