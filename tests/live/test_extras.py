from __future__ import annotations

from support.programs import BARE, run

BARRED = ("duckdb", "rich", "zstandard", "google", "grpc", "opentelemetry.proto")
WITHOUT = f"import sys; sys.modules.update(dict.fromkeys({BARRED!r})); from otel_eda.cli import main; sys.exit(main())"


def test_the_command_runs_without_any_extra_and_says_what_is_missing() -> None:
    assert run(BARE, "-c", WITHOUT, "--help").status == 0
    for command in ("watch", "top"):
        outcome = run(BARE, "-c", WITHOUT, command, "--otlp", "127.0.0.1:0")
        assert outcome.status == 2
        assert "pip install 'otel-eda[live]'" in outcome.errors
        assert outcome.errors.count("\n") == 1
