"""Reads traces from Jaeger's query endpoint, whose API v3 answers in OTLP JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.web import opener

from .selection import check

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .selection import Selection

TIMEOUT_SECONDS = 30.0
MOST_TRACES = 1000  # in an answer, the newest of its window: an answer with so many means that there are more
SHORTEST_WINDOW = timedelta(milliseconds=1)
USUAL_WINDOW = timedelta(hours=1)
# Jaeger's pages, and its APIs: /search?service=…, /trace/…, /api/traces/…, /api/v3/traces/…, behind any prefix.
PAGE = re.compile(r"(?P<base>.*?)(?:/api(?:/v3)?)?/(?:search|traces?|monitor|dependencies)(?P<rest>/.*)?")
TRACE_ID = re.compile(r"[0-9a-fA-F]{16,32}")


def at_url(url: str, selection: Selection) -> Jaeger:
    """Return what a URL shows: of a Jaeger all traces that are selected; of a page of it the page's traces.

    What is not selected is as the page has it; without a page it is the last hour, of all services.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UnusableError(f"{url}: {error}") from error
    page = PAGE.fullmatch(parts.path.rstrip("/"))
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()} if page else {}
    until = selection.until or _moment(query.get("end")) or datetime.now(timezone.utc)
    return Jaeger(
        urlunsplit((parts.scheme, parts.netloc, page["base"] if page else parts.path, "", "")),
        selection.services or [query[name] for name in ("service",) if name in query],
        selection.since or _moment(query.get("start")) or until - USUAL_WINDOW,
        until,
        operation=query.get("operation", ""),
        traces=TRACE_ID.findall(page["rest"] or "") if page else (),
        expected=True,
    )


def _moment(microseconds: str | None) -> datetime | None:
    if not (microseconds and microseconds.isdecimal()):
        return None
    try:
        return datetime.fromtimestamp(int(microseconds) / 1e6, timezone.utc)
    except (OverflowError, ValueError):
        return None


class Jaeger:
    """The traces of some services, or of all if none is named, in a window of time; or the traces with some ids.

    If they are `expected`, it is an error if a service is unknown, or if there are none.
    """

    def __init__(
        self,
        url: str,
        services: Sequence[str],
        since: datetime,
        until: datetime,
        *,
        operation: str = "",
        traces: Sequence[str] = (),
        expected: bool = False,
    ) -> None:
        self.url = url.rstrip("/")
        self.services, self.operation, self.traces = services, operation, traces
        self.since, self.until = since, until
        self.expected = expected
        self.sizes: Counter[str] = Counter()
        self.opener = opener(url)

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield a file with a line for each of Jaeger's answers; raises `UnusableError`."""
        path = spool / "jaeger.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for answer in self._by_id() if self.traces else self._by_service():
                self._drop_repeats(answer)
                file.write(json.dumps(answer) + "\n")
        if self.expected and not self.sizes:
            raise UnusableError(f"{self.url}: {self._nothing()}")
        yield path

    def _by_id(self) -> Iterator[dict[str, Any]]:
        for trace in self.traces:
            yield self._ask(f"traces/{trace}", empty=404)

    def _by_service(self) -> Iterator[dict[str, Any]]:
        there: list[str] = [] if self.services and not self.expected else self._ask("services").get("services", [])
        if self.expected:
            check(self.services, there, f"{self.url}: ")
        for service in self.services or there:
            yield from self._traces(service, self.since, self.until)

    def _nothing(self) -> str:
        if self.traces:
            return f"it has no trace {' or '.join(self.traces)}"
        times = f"{_rfc3339(self.since)} to {_rfc3339(self.until)}"
        return f"it has no traces of {times}; --since and --until say which time"

    def _drop_repeats(self, answer: dict[str, Any]) -> None:
        """Delete traces from an answer that an earlier answer had; a trace that has grown since stays."""
        sizes = Counter(span.get("traceId", "") for scope in _scopes(answer) for span in scope.get("spans", ()))
        repeated = {trace for trace, size in sizes.items() if self.sizes[trace] >= size}
        self.sizes |= sizes
        for scope in _scopes(answer):
            scope["spans"] = [span for span in scope.get("spans", ()) if span.get("traceId", "") not in repeated]

    def _traces(self, service: str, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        """Yield the answers for a window, which is halved as long as an answer is full."""
        query = {
            "query.service_name": service,
            "query.start_time_min": _rfc3339(since),
            "query.start_time_max": _rfc3339(until),
            "query.num_traces": MOST_TRACES,
            **({"query.operation_name": self.operation} if self.operation else {}),
        }
        answer = self._ask(f"traces?{urlencode(query)}", empty=404)
        if _count_traces(answer) < MOST_TRACES or until - since < SHORTEST_WINDOW:
            yield answer
            return
        middle = since + (until - since) / 2
        yield from self._traces(service, since, middle)
        yield from self._traces(service, middle, until)

    def _ask(self, path: str, empty: int | None = None) -> dict[str, Any]:
        try:
            with self.opener.open(f"{self.url}/api/v3/{path}", timeout=TIMEOUT_SECONDS) as response:
                body = json.load(response)
        except HTTPError as error:
            if error.code == empty:
                return {}
            raise UnusableError(f"{self.url}: Jaeger answers {error.code} {error.reason}") from error
        except (OSError, HTTPException, ValueError, RecursionError) as error:
            raise UnusableError(f"{self.url}: no Jaeger answers: {_why(error)}") from error
        result: dict[str, Any] = body.get("result", body)
        return result


def _why(error: Exception) -> object:
    """Return in words what an error of a connection says."""
    reason = error.reason if isinstance(error, URLError) else error
    return getattr(reason, "strerror", None) or reason


def _count_traces(answer: dict[str, Any]) -> int:
    return len({span.get("traceId") for scope in _scopes(answer) for span in scope.get("spans", ())})


def _scopes(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (scope for resource in answer.get("resourceSpans", ()) for scope in resource.get("scopeSpans", ()))


def _rfc3339(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
