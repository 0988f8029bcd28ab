"""Of many services' telemetry, mixed and damaged, a diagnosis finds what is there, and proves nothing that is false."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .mix.__main__ import PRECISION, RECALL
from .mix.examine import examine

if TYPE_CHECKING:
    from pathlib import Path

SPANS = 40_000


def test_a_small_mix_is_diagnosed_as_truly_as_a_large_one(tmp_path: Path) -> None:
    examined = examine(tmp_path, SPANS, seed=1)
    score = examined.score
    assert len(score.there) > 25
    assert score.confirmed_falsely.total() == 0, score.notes
    assert score.recall >= RECALL, score.notes
    assert score.precision >= PRECISION, score.notes
