"""Looks at telemetry while it comes: `otel-eda watch` finds faults in it, `otel-eda top` shows how things go.

`feeds` are where it comes from, `window` keeps the last of it, `judge` has that diagnosed again and again.
"""
