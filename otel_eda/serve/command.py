"""`otel-eda serve`."""

import os
import webbrowser
from pathlib import Path
from typing import Annotated

from typer import Option

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.commands.options import Judging
from otel_eda.diagnosis.settings import Bounds
from otel_eda.interrupts import announced
from otel_eda.live.options import Endpoints, Places
from otel_eda.live.sources import split

from .options import TOKEN, Bounded, Serving
from .saying import say

EXAMPLES = (
    "otel-eda serve --open",
    "otel-eda serve --keep telemetry --keep-size 2048",
)
LEAST_TOKEN = 16  # letters


def run(
    *,
    endpoints: Endpoints,
    places: Places,
    serving: Serving,
    bounded: Bounded,
    judging: Judging,
    bounds: Bounds,
    keep: Annotated[
        Path | None, Option(metavar="DIR", help="Keep the telemetry in this folder, and go on with what it holds.")
    ] = None,
) -> int:
    """Serve the page until the end."""
    from .page import page
    from .session import session

    token = read_token(serving)
    with announced() as ended, session(endpoints, places, keep, bounded) as kept:
        with page(kept, serving, judging, bounds, token, ended) as shown:
            heard = ", ".join(kept.places)
            say(f"the page is at {shown.link}; it hears {heard}; an interrupt (Ctrl-C) ends it")
            if serving.open:
                webbrowser.open(shown.link)
            ended.wait(serving.duration)
        shown.checking.conclude()
    for note in [*kept.receivers.notes(), *kept.keeper.notes(), *shown.checking.notes()]:
        say(f"Note: {note}")
    status = judging.status(entry.finding.verdict for entry in shown.found.all())
    if not status:
        kept.keeper.check_complete()
        shown.checking.check_complete()
    return status


def read_token(serving: Serving) -> str | None:
    """Return the token, if there is one; raises `UnusableError` if there has to be one, or if it is too short."""
    from .safety import loopback

    token = os.environ.get(TOKEN, "").strip() or None
    if serving.token_file:
        token = serving.token_file.read_text(encoding="utf-8").strip()
    if token is None and not loopback(split(serving.address)[0]):
        raise UnusableError(
            f"{serving.address} is not of this machine alone: others could read what is served, "
            f"so it needs a token, in {TOKEN} or --token-file"
        )
    if token is not None and len(token) < LEAST_TOKEN:
        raise UnusableError(f"the token has to have at least {LEAST_TOKEN} letters")
    return token
