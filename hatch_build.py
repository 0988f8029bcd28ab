"""The addresses of the project on a package index, which name the repository that a release is built from.

A fork or a company's mirror is released from elsewhere, so the address is not in `pyproject.toml`: whoever builds a
release gives it in the variable `OTEL_EDA_REPOSITORY`. Without it, a build has no addresses.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from hatchling.metadata.plugin.interface import MetadataHookInterface

_VARIABLE = "OTEL_EDA_REPOSITORY"


class Addresses(MetadataHookInterface):
    """Gives the metadata their `urls`, by the core metadata's well-known labels.

    https://packaging.python.org/en/latest/specifications/well-known-project-urls/
    """

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the addresses; raises `ValueError` if that of the repository is no address of a page."""
        if not (given := os.environ.get(_VARIABLE, "").strip()):
            return
        parts = urlsplit(given)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError(f"{_VARIABLE}: give the address of the repository's page, as https://host/owner/name")
        page = given.rstrip("/").removesuffix(".git")
        metadata["urls"] = {
            "Homepage": page,
            "Documentation": f"{page}#readme",
            "Source": page,
            "Issues": f"{page}/issues",
        }
