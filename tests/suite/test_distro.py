"""The defaults of our distribution of the SDK, beside what the user has set."""

from __future__ import annotations

import os
from unittest.mock import patch

import pytest

from otel_eda.distro import Distro

QUEUE, BATCH = "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"


@pytest.mark.parametrize(
    ("given", "batch"),
    [
        ({}, "1024"),
        ({QUEUE: "65536"}, "1024"),
        ({QUEUE: "1024"}, "1024"),
        ({QUEUE: "1023"}, None),
        ({QUEUE: ""}, None),
        ({QUEUE: "many"}, None),
        ({QUEUE: "65536", BATCH: "100"}, "100"),
        ({BATCH: "100"}, "100"),
    ],
)
def test_a_batch_is_as_large_as_the_queue_has_room_for(given: dict[str, str], batch: str | None) -> None:
    with patch.dict(os.environ):
        for name in (QUEUE, BATCH):
            os.environ.pop(name, None)
        os.environ.update(given)
        Distro().configure()
        assert os.environ.get(BATCH) == batch
