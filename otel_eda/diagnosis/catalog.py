"""Reads the checks from disk: a folder each, with `check.sql`, perhaps other questions, and `page.md`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "checks"
HEADER = re.compile(r"^-- (?P<name>[a-z ]+): (?P<value>.+)$", re.MULTILINE)
ROW = re.compile(r"^\| `(?P<cause>[\w-]+)` \| (?P<about>.+?) \| (?P<action>.+?) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Cause:
    """Why a fault may have happened, and what to do about it."""

    about: str
    action: str


@dataclass(frozen=True)
class Check:
    """One fault that can be found: its code, its title, its questions in SQL, the gates of its proof, its page.

    `news` tells what is reported once where the same telemetry is evaluated again and again: each `message`, or each
    `place`. `is_local` tells that the questions are asked of each destination by itself.
    """

    code: str
    title: str
    questions: tuple[str, ...]
    gates: tuple[str, ...]
    news: str
    is_local: bool
    page: str
    causes: dict[str, Cause]


@lru_cache(maxsize=1)
def checks() -> tuple[Check, ...]:
    """Return all checks, in the order of their codes."""
    return tuple(read(folder) for folder in sorted(FOLDER.glob("EDA*")))


def read(folder: Path) -> Check:
    """Return the check in a folder."""
    first = folder / "check.sql"
    others = sorted(file for file in folder.glob("*.sql") if file != first)
    questions = tuple(file.read_text(encoding="utf-8") for file in (first, *others))
    page = (folder / "page.md").read_text(encoding="utf-8")
    header = {match["name"]: match["value"] for match in HEADER.finditer(questions[0])}
    code = folder.name.partition("_")[0]
    title = page.partition("\n")[0].removeprefix(f"# {code}:").strip()
    causes = {match["cause"]: Cause(match["about"], match["action"]) for match in ROW.finditer(page)}
    gates = tuple(header["gates"].replace("none", "").split())
    return Check(code, title, questions, gates, header["news"], "scope" not in header, page, causes)


def chosen(select: list[str], ignore: list[str]) -> tuple[Check, ...]:
    """Return the checks whose codes begin as selected (all, if nothing is) and not as ignored.

    Raises `KeyError` with a code that no check has.
    """
    for code in (*select, *ignore):
        if not any(check.code.startswith(code.upper()) for check in checks()):
            raise KeyError(code)
    wanted = tuple(code.upper() for code in select) or ("EDA",)
    unwanted = tuple(code.upper() for code in ignore)
    return tuple(check for check in checks() if check.code.startswith(wanted) and not check.code.startswith(unwanted))
