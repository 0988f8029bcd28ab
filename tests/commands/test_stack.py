"""`otel-eda stack` writes the stack's files, and nothing over what somebody else has written."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

import pytest
import yaml
from docs.pages import ROOT
from support.programs import BARE, run

from otel_eda import cli
from otel_eda.stack import files

from .test_command_line import EXTRAS, without

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def umask() -> Iterator[None]:
    """Have files be their writer's alone."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def written(folder: Path) -> dict[str, bytes]:
    """Give a folder's files by their paths."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_it_writes_the_repositorys_own_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "a" / "monitoring"
    assert cli.main(["stack", str(folder)]) == 0
    found = written(folder)
    assert {"docker-compose.yml", "stack/rules.yml", "stack/grafana/dashboards/flow.json"} <= set(found)
    assert found == {name: (ROOT / name).read_bytes() for name in found}
    *told, last = capsys.readouterr().out.splitlines()
    assert told == [str(folder / name) for name in sorted(found)]
    assert last.startswith(f"next: cd {folder} && docker compose up")


def test_everything_that_is_mounted_is_written(tmp_path: Path) -> None:
    assert cli.main(["stack", str(tmp_path)]) == 0
    services = yaml.safe_load((tmp_path / "docker-compose.yml").read_text("utf-8"))["services"]
    mounts = [mount.partition(":")[0] for service in services.values() for mount in service.get("volumes", ())]
    mounted = {mount.removeprefix("./") for mount in mounts if mount.startswith("./")}
    assert all((tmp_path / path).exists() for path in mounted)
    mentioned = {name for name in written(tmp_path) if any(f"{name}/".startswith(f"{path}/") for path in mounted)}
    assert set(written(tmp_path)) - mentioned == {"docker-compose.yml"}
    assert not any("build" in service for service in services.values())


def test_the_wheel_carries_them() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    carried = dict(re.findall(r'^"(.+)" = "otel_eda/stack/files/(.+)"$', project, re.MULTILINE))
    assert carried == {part: part for part in files.PARTS}


def test_a_folder_that_is_not_empty_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "docker-compose.yml").write_text("mine")
    assert cli.main(["stack", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"otel-eda: {tmp_path} is not empty; --force writes into it, over files of the same names\n"
    )
    assert written(tmp_path) == {"docker-compose.yml": b"mine"}


def test_force_overwrites_files_of_the_same_names_alone(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("mine")
    (tmp_path / "docker-compose.override.yml").write_text("mine, too")
    assert cli.main(["stack", str(tmp_path), "--force"]) == 0
    found = written(tmp_path)
    assert found.pop("docker-compose.override.yml") == b"mine, too"
    assert found == {name: (ROOT / name).read_bytes() for name in files.names()}


def test_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "monitoring"
    file.write_text("mine")
    for arguments in (["stack", str(file)], ["stack", str(file), "--force"]):
        assert cli.main(arguments) == 2
        assert capsys.readouterr().err == f"otel-eda: {file} is not a folder\n"
    assert file.read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert cli.main(["stack", str(tmp_path / "file" / "monitoring")]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("otel-eda: [Errno ")
    assert shown.count("\n") == 1


@pytest.mark.usefixtures("umask")
def test_containers_can_read_what_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "monitoring"
    assert cli.main(["stack", str(folder)]) == 0
    for path in folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path


def test_it_needs_no_extra_but_the_command_lines_own(tmp_path: Path) -> None:
    outcome = run(BARE, "-c", without(*EXTRAS), "stack", str(tmp_path))
    assert (outcome.status, outcome.errors) == (0, "")
