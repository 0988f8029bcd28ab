"""What the ledger takes for a message: its beginning and its end, in order, as nearly all of them come."""

from __future__ import annotations

import time

from otel_eda.core.ledger.partition import PartitionLedger

COUNT = 100_000
RUNS = 9


def kept() -> float:
    """Give the microseconds of processor time for a message: the median run."""
    return sorted(_run() for _ in range(RUNS))[RUNS // 2]


def _run() -> float:
    account = PartitionLedger()
    begin, end = account.begin, account.end
    start = time.process_time_ns()
    for offset in range(COUNT):
        begin(offset, 1)
        end(offset)
    return (time.process_time_ns() - start) / 1000 / COUNT
