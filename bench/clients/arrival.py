"""`python -m bench.clients.arrival [LIBRARY …]`: what share of the spans is exported when a client runs at full speed.

An application sends and handles messages as fast as it can, with the SDK's batch processor and OTLP exporter, once with
the SDK's defaults and once with those of `OTEL_PYTHON_DISTRO=eda`; the endpoint takes everything at once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING

from bench.arguments import positive
from bench.contenders import OURS
from bench.report import console, titled

from . import LIBRARIES, asked
from .sink import sink

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from . import Library

SETTINGS = ("SDK", "eda")
BLOCK = 2000  # messages sent before as many are received
SINK = "OTEL_EXPORTER_OTLP_ENDPOINT"


def run(library: Library, address: str, messages: int) -> dict[str, float]:
    """Run an application in this process; gives messages a second, spans ended, and spans exported."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

    from .worker import instrument

    class Ended(SpanProcessor):
        number = 0

        def on_end(self, span: ReadableSpan) -> None:  # noqa: ARG002
            Ended.number += 1

    class Exporter(OTLPSpanExporter):
        number = 0

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            result = super().export(spans)
            Exporter.number += len(spans) * (result is SpanExportResult.SUCCESS)
            return result

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Ended())
    provider.add_span_processor(BatchSpanProcessor(Exporter()))
    trace.set_tracer_provider(provider)
    instrument(OURS, library)
    application = library.application(address, f"bench-{uuid.uuid4().hex[:8]}", None)
    application.send(1)
    application.receive(1)  # by then both are connected
    start = time.perf_counter()
    for _ in range(0, messages, BLOCK):
        application.send(BLOCK)
        application.receive(BLOCK)
    spent = time.perf_counter() - start
    provider.shutdown()
    return {"rate": messages / spent, "ended": Ended.number, "exported": Exporter.number}


def measured(library: Library, address: str, settings: str, messages: int, url: str) -> Mapping[str, float]:
    """Run an application in a process of its own."""
    from otel_eda.distro import DEFAULTS

    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_BSP_")} | {SINK: url}
    environ |= DEFAULTS if settings == "eda" else {}
    command = [sys.executable, "-m", "bench.clients.arrival", "--run", library.name, address, str(messages)]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    found: Mapping[str, float] = json.loads(done.stdout)
    return found


def main() -> int:
    """Run, and print the table."""
    from .__main__ import addresses

    parser = asked(__doc__, "bench.clients.arrival")
    parser.add_argument("--messages", type=positive, default=20_000)
    options = parser.parse_args()
    made = titled(f"Spans that are exported when {options.messages:,} messages are sent and handled at full speed")
    for heading in ("library", "defaults of", "messages a second", "spans", "exported", "share"):
        made.add_column(heading, justify="left" if heading in {"library", "defaults of"} else "right")
    with addresses(options.libraries) as found, sink() as url, console.status("measuring"):
        for library in options.libraries:
            for settings in SETTINGS:
                seen = measured(library, found[library.broker], settings, options.messages, url)
                share = f"{seen['exported'] / seen['ended']:.1%}"
                numbers = (f"{seen[name]:,.0f}" for name in ("rate", "ended", "exported"))
                made.add_row(library.name, settings, *numbers, share)
    console.print(made)
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(run(LIBRARIES[sys.argv[2]], sys.argv[3], int(sys.argv[4]))), flush=True)
        os._exit(0)  # what a client does at its end is not measured
    raise SystemExit(main())
