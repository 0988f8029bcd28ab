from __future__ import annotations

from core.conftest import library, unspoilt

__all__ = ["library", "unspoilt"]
