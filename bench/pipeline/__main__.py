"""`python -m bench.pipeline [CLIENT …]`: what a message costs its user, export included, with every client.

Each contender is a program of its own, started as a user starts it, that exports by OTLP to a server that counts. The
contenders take turns. Processor time is that of the whole process, from the first message to the end of the flush.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import Progress

from bench.arguments import positive
from bench.clients import LIBRARIES
from bench.clients.__main__ import addresses
from bench.report import console

from . import report
from .contenders import GRPC, HTTP, contenders, missing
from .rounds import WAYS, Plan, Sink, Stage, folder, measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.progress import TaskID

FULL = Plan(rounds=15, messages=3000, runs=3, at_full_speed=12_000)
QUICK = Plan(rounds=5, messages=2000, runs=1, at_full_speed=6000)
CLIENTS = [name for name, library in LIBRARIES.items() if library.broker != "none"]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=__doc__)
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help=f"of {', '.join(CLIENTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="less exact, and by OTLP/HTTP alone")
    parser.add_argument("--rounds", type=positive)
    parser.add_argument("--messages", type=positive, help="of a round")
    parser.add_argument("--runs", type=int, help="at full speed")
    parser.add_argument("--at-full-speed", type=positive, metavar="MESSAGES", help="of a run at full speed")
    parser.add_argument("--way", choices=WAYS, action="append", help="both by default")
    parser.add_argument("--protocol", choices=(HTTP, GRPC), action="append")
    parser.add_argument("--tree", action="append", default=[], metavar="FOLDER", help="measure this otel-eda, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    options = parser.parse_args()
    if unknown := set(options.clients) - set(CLIENTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(CLIENTS)}")
    return options


def planned(options: argparse.Namespace) -> Plan:
    """Give the plan that was asked for."""
    usual = QUICK if options.quick else FULL
    names = ("rounds", "messages", "runs", "at_full_speed")
    asked = ((getattr(options, name), getattr(usual, name)) for name in names)
    return Plan(*(default if given is None else given for given, default in asked))


def installed(trees: Sequence[str], target: Path) -> Iterator[str]:
    """Install other trees of otel-eda, with their entry points, into folders of their own; gives the folders."""
    for number, tree in enumerate(trees):
        made = target / str(number) / Path(tree).resolve().name
        command = ["pip", "install", "--quiet", "--no-deps", "--target", str(made), str(Path(tree).resolve())]
        subprocess.run([sys.executable, "-m", *command], check=True)
        yield str(made)


def figures(options: argparse.Namespace, place: str, progress: Progress, task: TaskID) -> Iterator[dict[str, Any]]:
    """Measure, and give the figures."""
    plan, libraries = planned(options), [LIBRARIES[name] for name in options.clients or CLIENTS]
    protocols = options.protocol or ([HTTP] if options.quick else [HTTP, GRPC])
    trees = list(installed(options.tree, Path(place)))
    with addresses(libraries) as found, Sink() as sink:
        for library in libraries:
            everyone = list(contenders(library, protocols, trees))
            for way in options.way or WAYS:
                progress.update(task, description=f"measuring {library.name}, {way}")
                stage = Stage(library, found[library.broker], way, sink, place)
                yield from report.rows(library, way, measure(everyone, stage, plan, lambda: progress.advance(task)))


def main() -> int:
    """Run, and print the table."""
    options = arguments()
    libraries = [LIBRARIES[name] for name in options.clients or CLIENTS]
    about = report.machine(libraries)
    print(about, *sorted({line for library in libraries for line in missing(library)}), sep="\n", flush=True)
    with folder() as place, Progress(console=console, transient=True) as progress:
        made = list(figures(options, place, progress, progress.add_task("measuring", total=None)))
    print("", report.table(made), sep="\n")
    if options.json:
        options.json.write_text(report.chart(about, made), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
