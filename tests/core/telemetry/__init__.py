"""Unit tests of telemetry: providers, instruments, errors."""
