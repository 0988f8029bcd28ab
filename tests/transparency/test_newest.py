"""What `make suites` does, on a repository that is made here: which tag it takes, and what it tells of a difference."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from otel_eda import suite
from transparency.newest import report
from transparency.newest.clients import CLIENTS, Client
from transparency.newest.play import Result, Stage
from transparency.newest.tags import NotRunError, clone, git, newest
from transparency.newest.venvs import interpreter

TAGS = ("1.9.0", "v1.10.0", "v1.11.0rc1", "v1.11.0.dev2", "nightly")
TESTS = """
import sys, pytest
def test_passes(): pass
class SomeTests:
    def test_differs(self): assert "otel_eda" not in sys.modules
    def test_sees_headers(self): assert "otel_eda" not in sys.modules or "OTEL_PROPAGATORS" in __import__("os").environ
@pytest.fixture
def broker(): raise OSError("nobody is there")
def test_needs_a_broker(broker): pass
@pytest.mark.skip("not today")
def test_skipped(): pass
"""


@pytest.fixture
def repository(tmp_path: Path) -> str:
    """A client's repository with tags, the newest of which no other tool would take for that."""
    folder = tmp_path / "repository"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "test_it.py").write_text(TESTS)
    (folder / "pyproject.toml").write_text(
        '[project]\nrequires-python = ">=3.8"\n[tool.pytest.ini_options]\npython_classes = "*Tests"\n'
    )
    who = ("-c", "user.name=tests", "-c", "user.email=tests@localhost", "-c", "commit.gpgsign=false")
    git("init", "--quiet", str(folder))
    git("-C", str(folder), "add", ".")
    git("-C", str(folder), *who, "commit", "--quiet", "--message=All")
    for tag in TAGS:
        git("-C", str(folder), *who, "tag", "--annotate", f"--message={tag}", tag)
    return str(folder)


def test_every_client_has_a_suite() -> None:
    frameworks = {"dramatiq", "taskiq", "faust-streaming", "faststream"}
    assert {name.replace("_", "-") for name in suite.LIBRARIES} - frameworks == CLIENTS.keys()


def test_newest_release_is_taken(repository: str, tmp_path: Path) -> None:
    assert newest(repository) == ("v1.10.0", "1.10.0")
    folder = clone(repository, "v1.10.0", tmp_path / "clone")
    assert (folder / "tests" / "test_it.py").read_text() == TESTS
    assert interpreter(folder) == sys.executable
    with pytest.raises(NotRunError):
        newest(str(tmp_path / "nowhere"))


@pytest.mark.timeout(300)
def test_differences_are_told(repository: str) -> None:
    result = Result("it", tag="v1.10.0")
    client = Client("owner/it", sees_headers=("tests/test_it.py::SomeTests::test_sees_headers",))
    Stage(client, Path(repository), sys.executable).compare(result)
    assert result.outcomes["tests/test_it.py::test_passes"] == ("passed", "passed")
    assert result.differing == ["tests/test_it.py::SomeTests::test_differs"]
    assert result.header == ["tests/test_it.py::SomeTests::test_sees_headers"]
    assert result.idle == Counter({"OSError: nobody is there": 1, "not today": 1})
    assert next(reversed([*report.table([result])])).split("|")[1:-1] == [
        f" {cell} " for cell in ("it    ", "v1.10.0", "       3", "     1", "    1", "     1", "        1", "      2")
    ]
    told = "\n".join(report.details(result, {"tests/soak": "hours"}))
    assert "differs: tests/test_it.py::SomeTests::test_differs: passed without us, failure with us" in told
    assert "not run: tests/soak: needs hours" in told
