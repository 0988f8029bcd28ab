"""Runs the tests of light spans and counted durations with each minor version of the SDK: `make sdks`.

Both stand on the SDK's insides, and fall back to the SDK's own ways where a self-check finds a difference: then
spans and points are right all the same. These tests fail if that happens in a version that is known.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FIRST, LAST = 30, 45
BEFORE_ZERO = 21  # version 1.30 goes with 0.51
TESTS = [
    f"tests/core/telemetry/test_{name}.py"
    for name in ("light_spans", "light", "light_tracer", "histograms", "encoder_mutations")
]
QUIET = "-Wignore:SelectableGroups:DeprecationWarning"  # version 1.42 reads entry points in a way that Python warns of
BESIDE = ("wrapt", "pytest", "pytest-timeout", "pytest-xdist", "hypothesis", "pyyaml", "importlib-metadata<8.6")


def tested(minor: int, folder: Path) -> bool:
    """Run the tests with the newest patch release of a minor version; return whether they pass."""
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    made = folder / str(minor)
    packages = [f"opentelemetry-{name}==1.{minor}.*" for name in ("api", "sdk", "exporter-otlp")]
    zero = minor + BEFORE_ZERO
    instrumentation = f"opentelemetry-instrumentation>=0.{zero}b0,<0.{zero + 1}"
    subprocess.run([uv, "venv", "-q", str(made)], check=True)
    install = [uv, "pip", "install", "-q", "--prerelease=allow", "--python", str(made / "bin" / "python")]
    subprocess.run([*install, *packages, instrumentation, *BESIDE], check=True)
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    command = [
        str(made / "bin" / "python"),
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--noconftest",
        QUIET,
        *TESTS,
    ]
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode == 0


def main() -> int:
    """Print what each version comes to."""
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for minor in range(FIRST, LAST + 1):
            print(f"opentelemetry-sdk 1.{minor}", flush=True)
            if not tested(minor, Path(folder)):
                failed.append(f"1.{minor}")
    print(f"failed with {', '.join(failed)}" if failed else f"all of 1.{FIRST} to 1.{LAST} pass")
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
