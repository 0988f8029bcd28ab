"""`otel-eda explain`."""

from typing import Annotated

from typer import Argument, Option

from otel_eda.diagnosis import CLEAN, UnusableError, catalog

from .options import code_completions

EXAMPLES = (
    "otel-eda explain EDA1",
    "otel-eda explain EDA104",
)


def run(
    code: Annotated[
        str | None,
        Argument(
            metavar="CODE",
            show_default=False,
            autocompletion=code_completions,
            help="Such as EDA104. Of its beginning, such as EDA1, and without one: a line for each such check.",
        ),
    ] = None,
    sql: Annotated[bool, Option("--sql", help="Print the check's questions in SQL.")] = False,
) -> int:
    """Print a check's page."""
    found = [check for check in catalog.checks() if check.code.startswith((code or "").upper())]
    if not found:
        raise UnusableError(f"there is no check {code}; otel-eda explain lists them")
    if len(found) > 1:
        for check in found:
            print(f"{check.code}  {check.title}")
    elif sql:
        print(";\n".join(found[0].questions), end="")
    else:
        _show(found[0].page)
    return CLEAN


def _show(page: str) -> None:
    from rich.console import Console

    from otel_eda.diagnosis.reports.markdown import WholeMarkdown

    console = Console()
    if console.is_terminal:
        console.print(WholeMarkdown(page))
    else:
        print(page, end="")
