"""Makes a span, and exports it: `counted.py [auto]`."""

from __future__ import annotations

import sys

from opentelemetry import trace

if sys.argv[1:] == ["auto"]:
    import otel_eda.auto  # noqa: F401

trace.get_tracer("shop").start_span("sell").end()
trace.get_tracer_provider().force_flush()  # type: ignore[attr-defined]
