"""What `docker compose` runs in this repository: docker-compose.yml, and what its override file adds."""

from __future__ import annotations

from typing import Any

import yaml
from docs.pages import ROOT

FILE, OVERRIDE = ROOT / "docker-compose.yml", ROOT / "docker-compose.override.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
PARTS: dict[str, dict[str, Any]] = COMPOSE["services"]
ADDED: dict[str, dict[str, Any]] = yaml.safe_load(OVERRIDE.read_text("utf-8"))["services"]
SERVICES = {**PARTS, **ADDED}
