"""The first steps of the documentation: a program, a watch over it, and what the watch says of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from live.programs import command, endpoint
from support.programs import launched, running
from support.waiting import until

from docs.pages import ROOT, blocks

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "getting-started.md"
PATIENCE = 60.0
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
CHANGING = re.compile(rf"{TIME}( to {TIME})?|\d\d:\d\d:\d\d|[0-9a-f]{{32}}")


def test_the_program_without_a_broker_is_found_out(tmp_path: Path) -> None:
    program, *_ = (block for block in blocks(PAGE) if block.file)
    shown, *_ = (block.code for block in blocks(PAGE) if block.language == "text")
    (tmp_path / str(program.file)).write_text(program.code)
    quick = ("--otlp", "127.0.0.1:0", "--hold", "2s", "--every", "1s", "--fail-on", "never")
    with command("watch", *quick) as watch:
        with running(launched(endpoint(watch), "shop"), tmp_path / str(program.file)) as shop:
            assert (shop.finish().status, shop.output) == (0, "")
        until(lambda: watch.output.count("\n") >= shown.count("\n"), "a finding", PATIENCE)
        assert CHANGING.sub("…", watch.output) == CHANGING.sub("…", shown)


def test_the_extra_all_is_what_the_page_on_questions_says() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    match = re.search(r'^all = \["otel-eda\[(.+)\]"\]$', project, re.MULTILINE)
    assert match is not None
    *most, last = match[1].split(",")
    told = ", ".join(f"`{name}`" for name in most) + f" and `{last}`."
    assert told in " ".join((ROOT / "docs" / "faq.md").read_text("utf-8").split())
