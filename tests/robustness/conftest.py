from __future__ import annotations

import os

import drivers
from hypothesis import HealthCheck, settings

CASES = int(os.environ.get("OTEL_EDA_TEST_CASES", "24000"))  # of hostile headers in memory, all tests together
TESTS = 6  # that share them
TURNS = 10  # cases that are made of one example, which is what takes the time

for library in ("kafka_python", "pika"):
    drivers.load(library)  # it warns of what is its own affair

settings.register_profile(
    "robustness",
    max_examples=max(CASES // TESTS // TURNS, 1),
    deadline=None,  # a busy machine is no failure
    suppress_health_check=list(HealthCheck),
    database=None,
)
settings.load_profile("robustness")
