"""The application, instrumented, but nobody has configured an SDK."""

from __future__ import annotations

from app import main

import otel_eda

otel_eda.enable()
otel_eda.enable()
main()
