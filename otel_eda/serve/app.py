"""The web application: the page's files, the picture of each second, and answers to questions."""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.duck import duckdb

from .questions.asking import Asked, QuestionError
from .questions.compare import compare
from .questions.delivery import delivery, messages
from .questions.findings import findings
from .questions.heat import heat
from .questions.lag import lag
from .questions.latency import latency
from .questions.partitions import partitions
from .questions.way import way
from .safety import Safety, Token
from .viewers import Stream, Viewers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from .questions.asking import Reader

STATIC = Path(__file__).parent / "static"
JSON = "application/json"
QUESTIONS: dict[str, Callable[[Reader, Asked], Any]] = {
    "findings": findings,
    "delivery": delivery,
    "delivery/messages": messages,
    "lag": lag,
    "heat": heat,
    "latency": latency,
    "trace": way,
    "compare": compare,
    "partitions": partitions,
}
FRESH_SECONDS = 2.0  # that an answer is good for everybody who asks the same
MOST_WAITING = 20  # questions; whoever asks more is told to come back
MOST_ANSWERS = 200  # that are remembered
RETRY = {"Retry-After": "2"}


class CrowdedError(Exception):
    """Too many questions wait for their answers."""


class Answers:
    """Answers questions one after the other, and the same question once."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.pool = ThreadPoolExecutor(1, "otel-eda-answers")
        self.known: OrderedDict[tuple[Any, ...], Future[bytes]] = OrderedDict()

    def ask(self, name: str, values: dict[str, list[str]]) -> Future[bytes]:
        """Return the answer that will be there; raises `CrowdedError`."""
        now = self.reader.board.now()
        key = (name, *((each, *values[each]) for each in sorted(values)), int(time.monotonic() / FRESH_SECONDS))
        if key in self.known:
            return self.known[key]
        if sum(not future.done() for future in self.known.values()) >= MOST_WAITING:
            raise CrowdedError
        future = self.pool.submit(self._answer, QUESTIONS[name], Asked(values, now))
        self.known[key] = future
        while len(self.known) > MOST_ANSWERS or _old(next(iter(self.known))):
            self.known.popitem(last=False)
        return future

    def _answer(self, question: Callable[[Reader, Asked], Any], asked: Asked) -> bytes:
        return json.dumps(question(self.reader, asked), separators=(",", ":")).encode()


def _old(key: tuple[Any, ...]) -> bool:
    return int(time.monotonic() / FRESH_SECONDS) - int(key[-1]) > 10


class Site:
    """What the application answers."""

    def __init__(self, reader: Reader, viewers: Viewers) -> None:
        self.viewers, self.answers = viewers, Answers(reader)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Draw pictures as long as the application runs."""
        task = asyncio.create_task(self.viewers.run())
        yield
        task.cancel()
        self.answers.pool.shutdown(wait=False, cancel_futures=True)

    async def state(self, _: Request) -> Response:
        """Answer with the picture of this moment."""
        return Response(await self.viewers.state(), media_type=JSON)

    async def events(self, _: Request) -> Response:
        """Answer with the picture of each second."""
        if self.viewers.full:
            return _failure(503, f"{self.viewers.most} look already: ask /api/state from time to time", RETRY)
        return Stream(self.viewers)

    async def question(self, request: Request) -> Response:
        """Answer a question."""
        name = request.path_params["name"]
        if name not in QUESTIONS:
            return _failure(404, "there is no such question")
        values = {key: request.query_params.getlist(key) for key in request.query_params}
        try:
            answer = await asyncio.wrap_future(self.answers.ask(name, values))
        except QuestionError as error:
            return _failure(400, str(error))
        except CrowdedError:
            return _failure(503, "too many questions wait: ask again", RETRY)
        except (duckdb.InterruptException, duckdb.OutOfMemoryException, UnusableError):
            return _failure(503, "that is too much to tell: ask for a shorter time, or for one destination")
        return Response(answer, media_type=JSON)


def application(reader: Reader, viewers: Viewers, token: Token | None = None) -> ASGIApp:
    """Return the application."""
    site = Site(reader, viewers)
    routes = [
        Route("/api/state", site.state),
        Route("/api/events", site.events),
        Route("/api/{name:path}", site.question),
        _page(),
    ]
    handlers: Any = {HTTPException: _failed, Exception: _failed}
    return Safety(Starlette(routes=routes, lifespan=site.lifespan, exception_handlers=handlers), token)


def _page() -> BaseRoute:
    """Return the route to the page's files, which are in the wheel, and in a checkout once they are built."""
    if (STATIC / "index.html").exists():
        return Mount("/", StaticFiles(directory=STATIC, html=True))

    async def missing(_: Request) -> Response:
        return _failure(404, "the page is not built: see CONTRIBUTING.md")

    return Route("/{path:path}", missing)


async def _failed(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return _failure(error.status_code, error.detail)
    return _failure(500, "a fault of otel-eda itself: the terminal has more of it")


def _failure(status: int, why: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": why}, status, headers)
