"""DuckDB as a module: an interrupt waits until it is loaded, since one that C++ gets meanwhile aborts the process."""

from otel_eda.interrupts import deferred

with deferred():
    import duckdb

__all__ = ["duckdb"]
