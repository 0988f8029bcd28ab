from __future__ import annotations

import drivers
from hypothesis import HealthCheck, settings
from support.times import times

CASES = times(10_000)  # of hostile headers in memory, for each way in or out
TURNS = 20  # cases that are made of one example, which is what takes the time

for library in ("kafka_python", "confluent_kafka", "pika", "aio_pika"):
    drivers.load(library)  # it warns of what is its own affair

settings.register_profile(
    "robustness",
    max_examples=max(CASES // TURNS, 1),
    suppress_health_check=list(HealthCheck),
    database=None,
)
settings.load_profile("robustness")
