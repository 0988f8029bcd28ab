"""A page that is served in this process with the options of a command line, and a browser's requests to it."""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from support.waiting import until

from otel_eda import commands
from otel_eda.serve.command import read_token
from otel_eda.serve.page import page
from otel_eda.serve.session import session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_eda.serve.page import Page
    from otel_eda.serve.session import Session

SOON = ("--every", "1s", "--hold", "1s")
PATIENCE = 60.0  # seconds


@dataclass
class Answer:
    """What a browser is answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Shown:
    """A page, the session behind it, and where it is."""

    page: Page
    session: Session
    place: str

    def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        """Ask as a browser does."""
        connection = http.client.HTTPConnection(self.place, timeout=PATIENCE)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def ask(self, question: str, **values: Any) -> Any:
        """Return the answer to a question."""
        answer = self.get(f"/api/{question}?{urlencode(values, doseq=True)}")
        assert answer.status == 200, answer.body
        return answer.json

    def heard(self, spans: int) -> None:
        """Wait until so many spans are there."""
        until(lambda: self.ask("state")["heard"]["spans"] >= spans, f"{spans} spans", PATIENCE)

    def verdicts(self) -> set[tuple[str, str]]:
        """Return the code and the verdict of each finding."""
        groups = self.ask("findings")["groups"]
        return {(one["finding"]["code"], one["finding"]["verdict"]) for group in groups for one in group["findings"]}


@contextmanager
def shown(*arguments: object) -> Iterator[Shown]:
    """Serve the page during the block, with the arguments of `otel-eda serve`."""
    call = commands.parse(["serve", "--address", "127.0.0.1:0", *map(str, arguments)]).run
    assert isinstance(call, partial)
    named, ended = call.keywords, threading.Event()
    token = read_token(named["serving"])
    with (
        session(named["endpoints"], named["places"], named["keep"], named["bounded"]) as kept,
        page(kept, named["serving"], named["judging"], named["bounds"], token, ended) as made,
    ):
        yield Shown(made, kept, urlsplit(made.link).netloc)
