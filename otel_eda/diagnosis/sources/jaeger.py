"""Reads traces from Jaeger's query endpoint, whose API v3 answers in OTLP JSON."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta, timezone
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlencode

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.web import opener

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TIMEOUT_SECONDS = 30.0
MOST_TRACES = 1000  # in an answer, the newest of its window: an answer with so many means that there are more
SHORTEST_WINDOW = timedelta(milliseconds=1)


class Jaeger:
    """The traces of some services, or of all if none is named, in a window of time."""

    def __init__(self, url: str, services: Sequence[str], since: datetime, until: datetime) -> None:
        self.url = url.rstrip("/")
        self.services = services
        self.since, self.until = since, until
        self.sizes: Counter[str] = Counter()
        self.opener = opener(url)

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield a file with a line for each of Jaeger's answers; raises `UnusableError`."""
        path = spool / "jaeger.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for service in self.services or self._ask("services").get("services", []):
                for answer in self._traces(service, self.since, self.until):
                    self._drop_repeats(answer)
                    file.write(json.dumps(answer) + "\n")
        yield path

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
        except (OSError, HTTPException, ValueError) as error:
            raise UnusableError(f"{self.url}: no Jaeger answers: {error}") from error
        result: dict[str, Any] = body.get("result", body)
        return result


def _count_traces(answer: dict[str, Any]) -> int:
    return len({span.get("traceId") for scope in _scopes(answer) for span in scope.get("spans", ())})


def _scopes(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (scope for resource in answer.get("resourceSpans", ()) for scope in resource.get("scopeSpans", ()))


def _rfc3339(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
