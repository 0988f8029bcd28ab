"""The findings so far, searched and filtered."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from otel_eda.serve.found import grouped

if TYPE_CHECKING:
    from otel_eda.serve.contract.answers import FindingsAnswer
    from otel_eda.serve.found import Entry

    from .asking import Asked, Reader

MOST = 1000


def findings(reader: Reader, asked: Asked) -> FindingsAnswer:
    """Return the findings that fit, the worst first, by their roots."""
    found = reader.found
    version, everything = found.version, found.all()
    matching = [item for item in everything if _fits(item, asked)]
    titles = {item.finding.code: item.finding.title for item in everything}
    numbers = Counter(item.finding.code for item in everything)
    limit = asked.number("limit", 200, 1, MOST)
    return {
        "version": version,
        "number": len(everything),
        "matching": len(matching),
        "codes": [{"code": code, "title": titles[code], "number": numbers[code]} for code in sorted(numbers)],
        "groups": grouped(matching[:limit], everything, reader.jaeger),
        "withheld": found.withheld,
    }


def _fits(item: Entry, asked: Asked) -> bool:
    finding, values = item.finding, asked.values
    exact = (("id", item.id), ("destination", finding.destination), ("service", finding.service))
    if any(name in values and value not in values[name] for name, value in exact):
        return False
    if "verdict" in values and finding.verdict.name not in values["verdict"]:
        return False
    if "code" in values and not finding.code.startswith(tuple(values["code"])):
        return False
    text = (asked.text("text") or "").casefold()
    return not text or text in repr(finding).casefold()
