"""Objects that an adapter cannot read are the application's: a mock, or a mistake; one line tells of it, if any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from support.recorder import recording

import otel_eda
from otel_eda.adapters import _kafka
from otel_eda.core import Identity
from otel_eda.core.runtime import guard
from otel_eda.core.runtime.guard import attribute_of, guarded

if TYPE_CHECKING:
    from collections.abc import Callable


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even that")


class Broken:
    """An object of an application's that fails wherever it is asked."""

    def __getattr__(self, name: str) -> Any:
        raise UnprintableError(name)


@guarded
def read(item: Any) -> Any:
    return _kafka.read(item)


@pytest.mark.parametrize(("item", "kind"), [(Mock, "TypeError"), (Broken, "UnprintableError")])
def test_an_object_that_an_adapter_cannot_read_is_no_error(
    item: type, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert read(item()) is None
    assert read(item()) is None
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert kind in record.getMessage()
    assert sum(guard.failures.values()) == 2


def test_a_failure_of_our_own_is_one(caplog: pytest.LogCaptureFixture) -> None:
    guarded(lambda: 1 / 0)()
    (record,) = caplog.records
    assert record.levelname == "ERROR"


def test_an_attribute_that_fails_is_none() -> None:
    assert attribute_of(Broken(), "headers") is None
    assert attribute_of(object(), "headers") is None
    assert attribute_of(Identity("a"), "client_id") == "a"


def test_who_a_client_is_is_told_in_texts() -> None:
    mock: Any = Mock()
    assert Identity(mock, mock, mock, mock) == Identity()
    number: Any = 7
    assert Identity(number, number, "host", 9092) == Identity("7", "7", "host", 9092)


@pytest.mark.parametrize("make", [Mock, lambda: Mock(spec=[]), Broken], ids=["any attribute", "none", "broken"])
def test_a_mock_that_is_processed_has_its_span(make: Callable[[], object]) -> None:
    with recording(strict=False, quiet=False) as recorder:
        with otel_eda.process(make(), destination="orders"):
            pass
        (span,) = recorder.processes(1)
    assert span.name == "process orders"
