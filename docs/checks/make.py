"""Writes this folder's pages and the tables of docs/operations.md from the code: `python docs/checks/make.py`."""

from __future__ import annotations

import re
from pathlib import Path

from otel_eda.diagnosis import catalog, columns
from otel_eda.diagnosis.gates import CONDITIONS

FOLDER = Path(__file__).parent
OPERATIONS = FOLDER.parent / "operations.md"


def pages() -> dict[Path, str]:
    """Give every page that is made, by its file."""
    made = {FOLDER / f"{check.code}.md": page(check) for check in catalog.checks()}
    return {**made, FOLDER / "README.md": index(), OPERATIONS: operations()}


def page(check: catalog.Check) -> str:
    """Give a check's page, with its gates."""
    gates = "".join(f"| {gate} | {CONDITIONS[gate].held} |\n" for gate in check.gates)
    proof = f"\n## Gates\n\n| gate | holds if |\n| --- | --- |\n{gates}" if gates else ""
    return f"{check.page}{proof}\n[All checks](README.md)\n"


def index() -> str:
    """Give the list of checks."""
    rows = "".join(
        f"| [{check.code}]({check.code}.md) | {check.title} | {first(check)} |\n" for check in catalog.checks()
    )
    return f"# Checks\n\n| code | fault | in short |\n| --- | --- | --- |\n{rows}"


def first(check: catalog.Check) -> str:
    """Give the sentence that a check's page begins with."""
    return check.page.split("\n\n")[1].replace("\n", " ")


def operations() -> str:
    """Give docs/operations.md with its tables of columns anew."""
    text = OPERATIONS.read_text(encoding="utf-8")
    for name, of in columns.TABLES.items():
        rows = "".join(f"| `{column.name}` | {column.type} | {column.about} | {sources(column)} |\n" for column in of)
        table = (
            f"<!-- {name} -->\n\n| column | type | meaning | from |\n| --- | --- | --- | --- |\n{rows}\n<!-- end -->"
        )
        text = re.sub(rf"<!-- {name} -->.*?<!-- end -->", lambda _: table, text, flags=re.DOTALL)  # noqa: B023
    return text


def sources(column: columns.Column) -> str:
    """Give the attributes that a column is read from."""
    return ", ".join(f"`{name}`" for name in column.attributes)


if __name__ == "__main__":
    for file, text in pages().items():
        file.write_text(text, encoding="utf-8")
