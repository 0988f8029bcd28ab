"""What has to be built is built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import cache


def test_a_build_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EDA_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "source"
    source.write_text("1")
    builds: list[Path] = []
    first = cache.built("part", [source], builds.append)
    assert cache.built("part", [source], builds.append) == first
    source.write_text("2")
    assert cache.built("part", [source], builds.append) != first
    assert len(builds) == 2


def test_a_failed_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EDA_CACHE", str(tmp_path / "cache"))

    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 (raised above)
        cache.built("part", [Path(__file__)], fail)
    assert [path.name for path in cache.home().iterdir()] == ["part.lock"]
