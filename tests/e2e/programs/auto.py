"""The application, instrumented by its first line."""

from __future__ import annotations

# isort: off
import otel_eda.auto  # noqa: F401
from app import main

main()
