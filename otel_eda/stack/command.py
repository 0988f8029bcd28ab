"""`otel-eda stack`."""

from pathlib import Path
from shlex import quote
from typing import Annotated

from typer import Argument, Option

from otel_eda.diagnosis import CLEAN

from .files import write

EXAMPLES = (
    "otel-eda stack monitoring",
    "otel-eda stack monitoring --force",
)
NEXT = "next: cd {folder} && docker compose up --detach; then open http://localhost:3000"


def run(
    folder: Annotated[
        Path, Argument(metavar="DIR", show_default=False, help="The folder to write to; it is made if it is not there.")
    ],
    force: Annotated[
        bool, Option("--force", help="Write even if the folder is not empty; files of the same names are overwritten.")
    ] = False,
) -> int:
    """Write the stack's files; raises `UnusableError` if the folder cannot be written to as it is."""
    for file in write(folder, force=force):
        print(file)
    print(NEXT.format(folder=quote(str(folder))))
    return CLEAN
