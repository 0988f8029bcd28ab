"""What tests need, and a machine may lack."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

import pytest
from brokers.tools import MissingError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def available(get: Callable[[], T]) -> T:
    """Give a part; skip, in CI fail, for one that is not to be had."""
    try:
        return get()
    except MissingError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
