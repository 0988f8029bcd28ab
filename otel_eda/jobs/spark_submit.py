"""A job for `spark-submit`: `spark_submit.py FOLDER [OPTION…]`, with the options of `otel-eda diagnose`."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from otel_eda.cli import main

    sys.exit(main(["diagnose", "spark://", *sys.argv[1:]]))
