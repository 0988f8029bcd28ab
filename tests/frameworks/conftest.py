from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.recorder import recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.recorder import Recorder


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Everything instrumented; nothing stays open, whatever a framework leaves behind."""
    with recording() as made:
        yield made
        assert not made.open()
