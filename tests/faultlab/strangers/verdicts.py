"""What a diagnosis must and may say, concluded from a diary alone.

Each rule takes the lines of a diary and gives truths. They speak of events by where their messages are. The least
verdict is LIKELY throughout, or SUSPECT where the program kept what went wrong to itself and its log.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from faultlab.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Line = dict[str, Any]
LONG = 0.8  # seconds that a diagnosis may call long
MANY, MOST, STORM, POISON = 10, 0.5, 10, 3
SETTLED = {"done", "aside", "dead", "filtered", "retired"}


class Diary:
    """The lines of a diary by what they say."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._by: dict[str, list[Line]] = defaultdict(list)
        self.lines = list(lines)
        for line in self.lines:
            self._by[line["what"]].append(line)

    def of(self, *whats: str) -> list[Line]:
        """Give the lines that say one of these things."""
        return [line for what in whats for line in self._by[what]]

    def events(self, *whats: str) -> set[Any]:
        """Give the events of which one of these things is said."""
        return {line["event"] for line in self.of(*whats)}


def truths(lines: Iterable[Line]) -> list[Truth]:
    """Give what is true by a diary."""
    diary = Diary(lines)
    return [truth for rule in RULES for truth in rule(diary)]


def must(code: str, least: str = "LIKELY", **where: Any) -> Truth:
    """Give what has to be found."""
    return Truth(code, least, True, where)


def may(code: str, most: str = "LIKELY", **where: Any) -> Truth:
    """Give what is true as well, so that it may be found."""
    return Truth(code, most, False, where)


def place(line: Line) -> dict[str, Any]:
    """Say where a line's message is, for its group."""
    group = {"group": line["group"]} if line.get("group") and "offset" in line["at"] else {}
    return {**line["at"], **group}


def _lost_in_kafka(diary: Diary) -> Iterator[Truth]:
    settled = {(line.get("group"), line["event"]) for line in diary.of(*SETTLED)}
    logged = diary.events("logged")
    for mark in diary.of("committed"):
        for line in diary.of("stored"):
            if not _passed(line["at"], mark["at"]) or (mark["group"], line["event"]) in settled:
                continue
            yield must("EDA104", "SUSPECT" if line["event"] in logged else "LIKELY", **line["at"], group=mark["group"])


def _passed(at: dict[str, Any], mark: dict[str, Any]) -> bool:
    same = at["destination"] == mark["destination"] and at["partition"] == mark["partition"]
    return bool(same and at["offset"] < mark["offset"])


def _lost_in_rabbitmq(diary: Diary) -> Iterator[Truth]:
    settled, seen = diary.events(*SETTLED), {line["event"]: line for line in diary.of("began")}
    empty = {line["queue"] for line in diary.of("left") if line["number"] == 0}
    logged, killed = diary.events("logged"), {line["who"] for line in diary.of("killed")}
    for line in diary.of("sent"):
        if line.get("to") in empty and line["event"] not in settled:
            # Of what nobody received, or a process had at hand when it was killed, only the sender's telemetry speaks.
            known = seen.get(line["event"])
            told = known is not None and line["event"] not in logged and known["who"] not in killed
            where = known["at"] if known else {"within": line["to"]}
            yield must("EDA104", "LIKELY" if told else "SUSPECT", **where)


def _repeated(diary: Diary) -> Iterator[Truth]:
    times: dict[Any, list[Line]] = defaultdict(list)
    for line in diary.of("done"):
        if line["at"]:
            times[tuple(sorted(place(line).items()))].append(line)
    for line in diary.of("filtered"):
        if tuple(sorted(place(line).items())) in times:
            yield may("EDA202", **place(line))  # it came again, and was known
    for lines in times.values():
        if len(lines) > 1 and _shared(diary, lines):
            yield must("EDA203", **place(lines[0]))
            yield may("EDA202", **place(lines[0]))
        elif len(lines) > 1:
            # No span shows what became of a message that was written with its batch.
            least = "SUSPECT" if any(line.get("whole") for line in lines) else "LIKELY"
            meant = any(line.get("meant") for line in lines)
            yield may("EDA202", **place(lines[0])) if meant else must("EDA202", least, **place(lines[0]))


def _shared(diary: Diary, done: list[Line]) -> bool:
    """Tell whether two processes had an event at hand at once; they say so if they note their `pid`."""
    begun = {(line.get("pid", 0), line["event"]): line["time"] for line in diary.of("began")}
    names = [(line.get("pid", 0), line["event"]) for line in done]
    spans = sorted(
        (begun.get(name, line["time"]), line["time"], name[0]) for name, line in zip(names, done, strict=True)
    )
    return any(one[2] != two[2] and two[0] < one[1] for one, two in pairwise(spans))


def _poison(diary: Diary) -> Iterator[Truth]:
    done = diary.events("done")
    for event, lines in _failed(diary).items():
        if len(lines) >= STORM and event not in done:
            yield must("EDA403", **place(lines[0]))
        if len(lines) >= POISON and event not in done:
            # No span shows which message a batch fails by.
            least = "SUSPECT" if any(line.get("whole") for line in lines) else "LIKELY"
            yield must("EDA402", least, **place(lines[0]))


def _failed(diary: Diary) -> dict[Any, list[Line]]:
    found: dict[Any, list[Line]] = defaultdict(list)
    for line in diary.of("failed"):
        found[line["event"]].append(line)
    return found


def _failing(diary: Diary) -> Iterator[Truth]:
    begun, failed, logged = defaultdict(set), defaultdict(set), diary.events("logged")
    done = {(line["who"], line["event"]) for line in diary.of("done")}
    for line in diary.of("began"):
        begun[line["who"]].add(line["event"])
    for line in diary.of("failed"):
        failed[line["who"]].add(line["event"])
    for who, events in failed.items():
        often = len(begun[who]) >= MANY and len(events) >= MOST * len(begun[who])
        least = "SUSPECT" if events <= logged else "LIKELY"
        # Where a later attempt succeeded, the error has passed.
        most = "CONFIRMED" if any((who, event) not in done for event in events) else "LIKELY"
        yield must("EDA401", least, service=who) if often else may("EDA401", most, service=who)


def _set_aside(diary: Diary) -> Iterator[Truth]:
    for line in diary.of("aside", "dead"):
        if "created" in line["at"]:
            trace, span = line["at"]["created"].split("-")
            yield must("EDA405", trace_id=trace, **({"span_id": span} if line["what"] == "dead" else {}))
        else:
            yield must("EDA405", **place(line))


def _refused(diary: Diary) -> Iterator[Truth]:
    taken = diary.events("stored")
    for line in diary.of("refused"):
        where = {"service": line["who"], "destination": line["to"]}
        # The broker did refuse that message, whatever the application sent in its place.
        yield may("EDA101", "CONFIRMED", **where) if line["event"] in taken else must("EDA101", **where)
    for line in diary.of("returned"):
        yield must("EDA106", service=line["who"])


def _unresolved(diary: Diary) -> Iterator[Truth]:
    known, topics = (
        diary.events("stored", "refused", "acked"),
        {line["at"]["destination"] for line in diary.of("stored")},
    )
    for line in diary.of("sent"):
        if line["to"] in topics and line["event"] not in known:
            yield must("EDA102", service=line["who"], destination=line["to"])


def _expired(diary: Diary) -> Iterator[Truth]:
    ageing, stored = {line["to"] for line in diary.of("ages")}, diary.events("stored")
    settled = {(line.get("group"), line["event"]) for line in diary.of(*SETTLED)}
    for mark in diary.of("committed"):
        for line in diary.of("acked"):
            gone = line["at"]["destination"] in ageing and line["event"] not in stored
            if gone and _passed(line["at"], mark["at"]) and (mark["group"], line["event"]) not in settled:
                yield must("EDA105", **line["at"], group=mark["group"])


def _unread(diary: Diary) -> Iterator[Truth]:
    for line in diary.of("unread"):
        yield must("EDA107", within=line["to"])
    for line in diary.of("archive"):
        yield may("EDA107", within=line["to"])
    for line in diary.of("unhandled"):
        yield must("EDA406", service=line["who"], destination=line["to"])


def _slow(diary: Diary) -> Iterator[Truth]:
    sent = {line["event"]: line["time"] for line in reversed(diary.of("sent"))}
    for line in diary.of("began"):
        if line["time"] - sent.get(line["event"], line["time"]) > LONG:
            yield may("EDA501", **place(line))
    begun = {(line["who"], line["event"]): line["time"] for line in diary.of("began")}
    for line in diary.of("done", "failed"):
        if line["time"] - begun.get((line["who"], line["event"]), line["time"]) > LONG:
            yield may("EDA502", **place(line))


def _disordered(diary: Diary) -> Iterator[Truth]:
    latest: dict[Any, int] = {}
    first: set[Any] = set()
    keys = {(line["at"]["destination"], line["event"]): line.get("key") for line in diary.of("stored")}
    for line in diary.of("began"):
        key = keys.get((line["at"].get("destination"), line["event"]))
        seen = (line.get("group"), line["event"])
        if not key or seen in first:
            continue
        first.add(seen)
        line_of_key = (line.get("group"), line["at"]["destination"], line["at"]["partition"], key)
        if latest.get(line_of_key, -1) > line["at"]["offset"]:
            yield must("EDA301", **place(line))
        latest[line_of_key] = max(latest.get(line_of_key, -1), line["at"]["offset"])


def _said(diary: Diary) -> Iterator[Truth]:
    for line in diary.of("killed"):
        yield may("EDA703", service=line["who"])
        # What others did with what it sent has parents that were lost with it.
        yield may("EDA703", said="have a parent that is not there")
    for line in diary.of("must"):
        yield must(line["code"], line.get("least", "LIKELY"), **line["where"])
    for line in diary.of("may"):
        yield may(line["code"], line.get("most", "LIKELY"), **line["where"])


RULES: tuple[Callable[[Diary], Iterator[Truth]], ...] = (
    _lost_in_kafka,
    _lost_in_rabbitmq,
    _repeated,
    _poison,
    _failing,
    _set_aside,
    _refused,
    _unresolved,
    _expired,
    _unread,
    _slow,
    _disordered,
    _said,
)
