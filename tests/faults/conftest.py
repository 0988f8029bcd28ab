from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.programs import receiving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.programs import Received

PROGRAMS = Path(__file__).parent / "programs"


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
