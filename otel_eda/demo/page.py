"""The demo on a page in the browser: orders come until an interrupt."""

from __future__ import annotations

import os
import webbrowser
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.commands.options import Judging
from otel_eda.diagnosis.settings import Bounds
from otel_eda.interrupts import announced
from otel_eda.live.options import Endpoints, Places
from otel_eda.serve.options import ADDRESS, Bounded, Serving
from otel_eda.serve.page import page
from otel_eda.serve.saying import say
from otel_eda.serve.serving import listening
from otel_eda.serve.session import session

from .diagnose import watched
from .receiver import receiver
from .runner import QUIET, Patience, open_shop, staged

if TYPE_CHECKING:
    from .options import Options

SLOWLY = ("--pause", "0.1", "--forever")  # ten orders in a second
LOOK_SECONDS = 0.5


def serve(options: Options) -> None:
    """Serve the page of a shop that does not close; raises `UnusableError` if one of its services ends."""
    with (
        announced() as ended,
        session(Endpoints(), Places(), options.keep, Bounded(), receive=False) as kept,
        page(kept, serving(), Judging(), Bounds(), None, ended) as shown,
        receiver(kept.queue) as endpoint,
        staged(options, endpoint, *SLOWLY) as started,
    ):
        open_shop(started, Patience(QUIET))
        say(f"a shop, its payments and its shipping are at {shown.link}; an interrupt (Ctrl-C) ends them")
        if not options.no_open and watched(os.environ):
            webbrowser.open(shown.link)
        while not ended.wait(LOOK_SECONDS):
            started.running()


def serving() -> Serving:
    """Return where the page is, another port if the usual one is taken; its services export five times in a second."""
    try:
        listening(ADDRESS).close()
    except UnusableError:
        return Serving("127.0.0.1:0", every=2.0, hold=3.0)
    return Serving(every=2.0, hold=3.0)
