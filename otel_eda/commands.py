"""What commands `otel-eda` has, and how typer reads their command lines.

A command is a module with a function `run`, whose parameters are its arguments and options, and with `EXAMPLES` for its
help. The module is imported when its command is asked for. A parameter that is a dataclass stands for its fields, so
that commands can share options; a field that is no `Annotated` option says in its metadata what it is `about`.
"""

import inspect
from collections.abc import Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, get_origin, get_type_hints

from typer import Context, Exit, Option, Typer
from typer.core import TyperGroup
from typer.main import get_command

from otel_eda.diagnosis.commands.times import seconds

PROGRAM = "otel-eda"


@dataclass(frozen=True)
class Command:
    """One command: where it is, the extra of otel-eda that it needs, and what it does.

    `runs_another`: from its first argument on the command line is another program's.
    """

    name: str
    module: str
    extra: str
    about: str
    runs_another: bool = False


@dataclass(frozen=True)
class Invocation:
    """What a command line asks for: `run` returns the exit status, `extra` names what has to be installed."""

    run: partial[int]
    extra: str


LISTED = (
    Command(
        "demo",
        "otel_eda.demo.command",
        "demo",
        "Run three services over an embedded broker and show what their telemetry says.",
    ),
    Command(
        "doctor",
        "otel_eda.doctor.command",
        "cli",
        "Show what is instrumented, what is not and why, and where telemetry goes.",
        runs_another=True,
    ),
    Command(
        "diagnose",
        "otel_eda.diagnosis.commands.diagnose",
        "diagnosis",
        "Find lost, duplicated, late, disordered and failed events in telemetry, with the proof.",
    ),
    Command(
        "trace",
        "otel_eda.diagnosis.commands.trace",
        "diagnosis",
        "Print the trace of one event: each step of it, in every service.",
    ),
    Command(
        "watch",
        "otel_eda.live.watch",
        "live",
        "Find such events while they happen: receive OTLP, or follow files or a Jaeger.",
    ),
    Command(
        "serve",
        "otel_eda.serve.command",
        "serve",
        "Show on a page in the browser what goes on: who sends what to whom, what is lost, late or failing.",
    ),
    Command("record", "otel_eda.serve.record", "live", "Keep telemetry in a folder, as much as there is room for."),
    Command("top", "otel_eda.live.top", "live", "Show how destinations and consumer groups do right now."),
    Command(
        "explain",
        "otel_eda.diagnosis.commands.explain",
        "diagnosis",
        "Explain a finding's code: what it means, how it is proven, and what to do.",
    ),
    Command("export", "otel_eda.diagnosis.commands.export", "diagnosis", "Write a table of the telemetry to a file."),
    Command("sql", "otel_eda.diagnosis.commands.sql", "diagnosis", "Ask the tables of the telemetry in SQL."),
    Command(
        "schema",
        "otel_eda.diagnosis.commands.schema",
        "diagnosis",
        "Print the statements that make the tables in which a ClickHouse diagnoses its own telemetry.",
    ),
    Command(
        "stack",
        "otel_eda.stack.command",
        "cli",
        "Write a compose file with brokers, collector, Jaeger, Prometheus, alerts and dashboards.",
    ),
)
COMMANDS = {command.name: command for command in LISTED}


def parse(arguments: Sequence[str] | None) -> Invocation:
    """Return what a command line asks for; raises `SystemExit` after help, completion or a wrong line."""
    invocations: list[Invocation] = []
    try:
        get_command(_app()).main(arguments, PROGRAM, obj=invocations)
    except SystemExit:
        if not invocations:
            raise
    return invocations[0]


class _Commands(TyperGroup):
    """Lists the commands without their modules."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that a line names."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed and imported(listed.name or ""), rest


def _app() -> Typer:
    app = Typer(cls=_Commands, no_args_is_help=True, rich_markup_mode=None)
    app.callback(help="Observability for event-driven Python systems.")(_program)
    for command in COMMANDS.values():
        app.command(command.name, short_help=command.about)(lambda: None)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        print(PROGRAM, version(PROGRAM))
        raise Exit


def _program(
    _: Annotated[
        bool, Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the program's own options."""


def imported(name: str) -> Any:
    """Return a command as typer knows it: all it does is to note the invocation, which runs when typer is done."""
    command = COMMANDS[name]
    module = import_module(command.module)
    parameters = inspect.signature(module.run).parameters.values()
    groups: dict[str, Any] = {each.name: each.annotation for each in parameters if is_dataclass(each.annotation)}

    def note(context: Context, **options: Any) -> None:
        for parameter, group in groups.items():
            options[parameter] = group(**{field.name: options.pop(field.name) for field in fields(group)})
        context.obj.append(Invocation(partial(module.run, **options), command.extra))

    note.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=Context),
            *(each for parameter in parameters for each in _flat(parameter, groups.get(parameter.name))),
        ]
    )
    app = Typer(add_completion=False, rich_markup_mode=None)
    app.command(
        name,
        help=command.about,
        epilog="Examples:\n\n\b\n" + "\n".join(f"  {example}" for example in module.EXAMPLES),
        context_settings={"allow_interspersed_args": not command.runs_another},
    )(note)
    return get_command(app)


def _flat(parameter: inspect.Parameter, group: Any) -> list[inspect.Parameter]:
    """Return a parameter, or one for each field if it is a dataclass."""
    if group is None:
        return [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default(field),
            annotation=_annotated(hints[field.name], field),
        )
        for field in fields(group)
    ]


def _annotated(hint: Any, field: Field[Any]) -> Any:
    if get_origin(hint) is Annotated:
        return hint
    if field.metadata["time"]:
        return Annotated[hint, Option(metavar="TIME", parser=seconds, help=field.metadata["about"])]
    most = field.metadata["most"]
    least = None if most is None else 0
    return Annotated[hint, Option(metavar="N", min=least, max=most, help=field.metadata["about"])]


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is MISSING else field.default
