"""Every place that a person names is read whole, a pipe too, or it is said that it cannot be."""

from __future__ import annotations

import gzip
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

from .telemetry import flow

if TYPE_CHECKING:
    from pathlib import Path

    from otel_eda.diagnosis.intake import Intake

WORLD = flow(400, 2).world
SPANS = sum(len(service.spans) for service in WORLD.services)


def read(*places: Path) -> Intake:
    with Store() as made:
        made.read([Files(str(place)) for place in places])
        return made.intake


@pytest.mark.parametrize("packed", [False, True])
def test_pipes_are_read_once_and_whole(tmp_path: Path, packed: bool) -> None:
    data = WORLD.write(tmp_path).read_bytes()
    assert len(data) > 1 << 16  # more than a pipe holds
    places = [tmp_path / "one", tmp_path / "other"]
    for place in places:
        os.mkfifo(place)
    with ThreadPoolExecutor() as pool:
        writing = pool.map(lambda place: place.write_bytes(gzip.compress(data) if packed else data), places)
        intake = read(*places)
        assert len(list(writing)) == 2
    assert (intake.spans, intake.repeated, intake.lines["damaged"]) == (SPANS, SPANS, 0)


def test_a_folder_within_that_cannot_be_read_is_an_error_but_for_a_volume_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "inner"
    for folder in (inner, tmp_path / "lost+found"):
        folder.mkdir()
    WORLD.write(inner)
    closed = [str(tmp_path / "lost+found")]
    look = os.scandir

    def scandir(path: str) -> Any:  # as for somebody who is not root
        if str(path) in closed:
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert read(tmp_path).spans == SPANS
    closed.append(str(inner))
    with pytest.raises(PermissionError, match="inner"):
        read(tmp_path)
