"""`otel-eda doctor`."""

from typing import Annotated

from typer import Argument, Option

from .examination import examine

EXAMPLES = (
    "otel-eda doctor",
    "otel-eda doctor -- --service_name shop python shop.py",
)
Command = Annotated[
    list[str] | None,
    Argument(
        metavar="COMMAND",
        show_default=False,
        help="An application to run under opentelemetry-instrument, and to report on when it has ended. "
        "Without one: what would be instrumented in this environment.",
    ),
]


def run(
    command: Command = None,
    as_json: Annotated[bool, Option("--json", help="Print the report as JSON.")] = False,
) -> int:
    """Print the report, and return FOUND if something is not as it should be; raises `OSError` if there is none."""
    return examine(command or [], as_json)
