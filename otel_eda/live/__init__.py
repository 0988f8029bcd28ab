"""Reads telemetry while it comes: `otel-eda watch` finds faults in it, `otel-eda top` shows rates, lag and errors.

`sources` are where telemetry comes from, `window` keeps the latest, `evaluator` runs the checks on it again and again,
`output` prints findings. `points` are readings of metrics, `aggregates` adds them up, `screen` draws the sums.
"""
