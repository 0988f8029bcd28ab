"""Tells how otel-eda is configured: `declared.py [auto]`."""

from __future__ import annotations

import dataclasses
import json
import sys

if sys.argv[1:] == ["auto"]:
    pass

from otel_eda import suite
from otel_eda.config import config

on = sorted(name for name, library in suite.LIBRARIES.items() if library.on)
print(json.dumps({"on": on, **dataclasses.asdict(config())}))
