"""Draws what `make demo` prints as `demo.svg`, beside this file: `python docs/pictures/demo.py`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 104
FONTS = "ui-monospace, 'SFMono-Regular', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
PICTURE = Path(__file__).with_name("demo.svg")
SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<title>What make demo prints: one event's trace as a tree, and a table of destinations</title>
<style>
.{unique_id}-matrix {{ font-family: FONTS; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-family: system-ui, sans-serif; font-size: 18px; font-weight: bold; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
""".replace("FONTS", FONTS)


def printed() -> str:
    """Run the demo as if it had a terminal, and give what it prints."""
    command = shutil.which("otel-eda", path=str(Path(sys.executable).parent)) or "otel-eda"
    environ = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    return subprocess.run([command, "demo"], env=environ, stdout=subprocess.PIPE, check=True).stdout.decode()


def draw(output: str) -> str:
    """Give the picture of a terminal's content; of a line written again and again, the last."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), highlight=False)
    console.print("$ make demo", style="bold")
    for line in output.rstrip().split("\n"):
        text = Text.from_ansi(line)
        text.rstrip()
        console.print(text, soft_wrap=True)
    return console.export_svg(title="otel-eda", code_format=SVG, unique_id="demo")


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(draw(printed()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
