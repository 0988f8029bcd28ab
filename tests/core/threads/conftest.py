from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.threads import short_turns

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def many_turns() -> Iterator[None]:
    with short_turns():
        yield
