"""The page of a session: the checks, the questions and the web server, for the length of a block."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_eda.live.evaluator import Evaluator

from .app import application
from .checking import Checking
from .found import Found
from .keeper import Failing
from .questions.asking import Reader
from .safety import Token
from .saying import say
from .serving import Scene, listening, served
from .viewers import Viewers
from .window import PartsWindow

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from otel_eda.diagnosis.commands.options import Judging
    from otel_eda.diagnosis.settings import Bounds

    from .options import Serving
    from .session import Session


@dataclass
class Page:
    """A page that is served: the link to it, what is found so far and by whom, who answers questions, and who looks."""

    link: str
    found: Found
    checking: Checking
    reader: Reader
    viewers: Viewers


@contextmanager
def page(  # noqa: PLR0917
    kept: Session, serving: Serving, judging: Judging, bounds: Bounds, token: str | None, ended: threading.Event
) -> Iterator[Page]:
    """Serve the page of a session during the block, at whose end `ended` is set."""
    found = Found()
    reader = Reader(kept.parts, kept.board, found, jaeger=judging.jaeger_url, grace=bounds.grace)
    checking = _checking(reader, kept, serving, judging, bounds)
    viewers, threads = Viewers(Scene(reader, kept, checking).draw), Failing(ended)
    place = listening(serving.address)
    link = _Link()
    guard = Token(token, link.announce) if token else None
    with served(application(reader, viewers, guard), viewers, place) as address:
        link.address = address
        threads.start("keeper", lambda: kept.keeper.run(ended))
        threads.start("checks", lambda: checking.run(ended, serving.every))
        try:
            yield Page(link.to(guard.once) if guard else address, found, checking, reader, viewers)
        finally:
            ended.set()
            threads.join()


def _checking(reader: Reader, kept: Session, serving: Serving, judging: Judging, bounds: Bounds) -> Checking:
    record = kept.parts.read_only
    window = PartsWindow(kept.parts, serving.window, amid=kept.amid)
    evaluator = Evaluator(
        window, judging.checks(), bounds, every=serving.every, hold=serving.hold, evidence=judging.evidence
    )
    return Checking(evaluator, reader, kept.queue.behind, once=record)


class _Link:
    """The link that is good now."""

    address = ""

    def to(self, once: str) -> str:
        return f"{self.address}login?once={once}"

    def announce(self, once: str) -> None:
        say(f"that link was used; the next one is {self.to(once)}")
