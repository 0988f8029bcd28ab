"""The commands of `otel-eda` that read telemetry. They import the engine when they run, since it is an extra."""
