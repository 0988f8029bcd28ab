from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.programs import receiving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.programs import Received

PROGRAMS = Path(__file__).parent / "programs"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes minutes; left out unless asked for by `-m slow`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "slow" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: run it by `-m slow`"))


@pytest.fixture
def receiver() -> Iterator[tuple[str, Received]]:
    """An OTLP/HTTP receiver's endpoint, and what it received."""
    with receiving() as made:
        yield made


@pytest.fixture
def endpoint(receiver: tuple[str, Received]) -> str:
    return receiver[0]


@pytest.fixture
def received(receiver: tuple[str, Received]) -> Received:
    return receiver[1]
