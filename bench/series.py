"""`python -m bench.series [LIBRARY …]`: how many series a process has that sends to a destination and reads from it.

Each library has a process of its own, with everything switched on, that sends a few messages and handles them. A point
of a histogram is as many series for Prometheus as it has buckets, and two more.
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from bench.clients import LIBRARIES, asked
from bench.clients.__main__ import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGES = 20
# What a client does at its end is nobody's business here.
PROGRAM = """
import json, os, sys
from bench.series import work
print(json.dumps(work(*sys.argv[1:])), flush=True)
os._exit(0)
"""
NAMED = "messaging.destination.name"
COLUMNS = ("client", "points", "series", "of histograms", "that name the destination")


def points(reader: InMemoryMetricReader) -> Iterator[Any]:
    """Return the points of all metrics."""
    data = reader.get_metrics_data()
    for resource in data.resource_metrics if data is not None else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                yield from metric.data.data_points


def series(point: Any) -> int:
    """Return as how many series Prometheus keeps a point."""
    buckets = getattr(point, "bucket_counts", None)
    return 1 if buckets is None else len(buckets) + 2


def work(name: str, address: str) -> list[int]:
    """Handle messages of a destination; return the points, their series, those of histograms, those that name it."""
    import otel_eda

    reader = InMemoryMetricReader()
    otel_eda.enable(tracer_provider=TracerProvider(), meter_provider=MeterProvider([reader]))
    application = LIBRARIES[name].application(address, f"bench-{uuid.uuid4().hex[:8]}", None)
    application.send(MESSAGES)
    application.receive(MESSAGES)
    found = [(series(point), NAMED in point.attributes) for point in points(reader)]
    sizes = [size for size, _ in found]
    return [
        len(found),
        sum(sizes),
        sum(size for size in sizes if size > 1),
        sum(size for size, named in found if named),
    ]


def measured(name: str, address: str) -> list[int]:
    """Return the counts of a library, made in a process of its own."""
    command = [sys.executable, "-c", PROGRAM, name, address]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: list[int] = json.loads(ran.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print a table."""
    libraries = asked(__doc__, "bench.series").parse_args().libraries
    print(f"| {' | '.join(COLUMNS)} |", "| --- |" + " --: |" * (len(COLUMNS) - 1), sep="\n")
    with addresses(libraries) as found:
        for library in libraries:
            print(f"| {library.name} | {' | '.join(map(str, measured(library.name, found[library.broker])))} |")


if __name__ == "__main__":
    main()
