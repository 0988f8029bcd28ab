"""Jaeger's query endpoint: its API v3 answers in OTLP JSON."""

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

PATIENCE = 30.0
DEPTH = 1000  # traces in an answer; it gives the newest of its window, so a full one means that there are more
SHORTEST = timedelta(milliseconds=1)


class Jaeger:
    """The traces of some services, all if none is named, in a window of time."""

    def __init__(self, url: str, services: Sequence[str], since: datetime, until: datetime) -> None:
        self.url = url.rstrip("/")
        self.services = services
        self.since, self.until = since, until
        self.known: Counter[str] = Counter()
        self.opener = opener(url)

    def files(self, spool: Path) -> Iterator[Path]:
        """Write a line for each answer."""
        path = spool / "jaeger.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for service in self.services or self._ask("services").get("services", []):
                for answer in self._traces(service, self.since, self.until):
                    self._leave_out(answer)
                    file.write(json.dumps(answer) + "\n")
        yield path

    def _leave_out(self, answer: dict[str, Any]) -> None:
        """Take traces out of an answer that another service's had already; one that has grown since stays."""
        sizes = Counter(span.get("traceId", "") for scope in _scopes(answer) for span in scope.get("spans", ()))
        had = {trace for trace, size in sizes.items() if self.known[trace] >= size}
        self.known |= sizes
        for scope in _scopes(answer):
            scope["spans"] = [span for span in scope.get("spans", ()) if span.get("traceId", "") not in had]

    def _traces(self, service: str, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        """Give the answers for a window; halve it as long as an answer is full."""
        query = {
            "query.service_name": service,
            "query.start_time_min": _written(since),
            "query.start_time_max": _written(until),
            "query.num_traces": DEPTH,
        }
        answer = self._ask(f"traces?{urlencode(query)}", nothing=404)
        if _traces(answer) < DEPTH or until - since < SHORTEST:
            yield answer
            return
        middle = since + (until - since) / 2
        yield from self._traces(service, since, middle)
        yield from self._traces(service, middle, until)

    def _ask(self, path: str, nothing: int | None = None) -> dict[str, Any]:
        try:
            with self.opener.open(f"{self.url}/api/v3/{path}", timeout=PATIENCE) as response:
                body = json.load(response)
        except HTTPError as error:
            if error.code == nothing:
                return {}
            raise UnusableError(f"{self.url}: Jaeger answers {error.code} {error.reason}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise UnusableError(f"{self.url}: no Jaeger answers: {error}") from error
        result: dict[str, Any] = body.get("result", body)
        return result


def _traces(answer: dict[str, Any]) -> int:
    return len({span.get("traceId") for scope in _scopes(answer) for span in scope.get("spans", ())})


def _scopes(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (scope for resource in answer.get("resourceSpans", ()) for scope in resource.get("scopeSpans", ()))


def _written(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
