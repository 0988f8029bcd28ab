"""When each alert fires, and when it must not."""

from . import consumers, messages, sends, telemetry

CASES = [*consumers.CASES, *messages.CASES, *sends.CASES, *telemetry.CASES]
