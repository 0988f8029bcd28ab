"""The shapes in which an application iterates over messages itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from drivers.base import Shape

if TYPE_CHECKING:
    from drivers.base import Consumer

LOOPS = pytest.mark.shapes(Shape.LOOP, Shape.BATCH)


def messages(consumer: Consumer, shape: Shape, size: int) -> Any:
    """Return what a `for` runs over: the consumer, or one batch of that size."""
    return consumer.loop() if shape is Shape.LOOP else consumer.batch(size)
