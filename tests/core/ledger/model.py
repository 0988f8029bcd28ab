"""An obvious slow model of what becomes of offsets: it remembers everything, and looks through all of it."""

from __future__ import annotations

from typing import NamedTuple

from otel_eda.core.ledger.partition import Committed, DeliveryAnomaly

KEYS = 3


class Event(NamedTuple):
    """One line of the slow model's history."""

    what: str
    offset: int = -1


class Model:
    """Remembers everything that ever happened, and looks through all of it for each answer."""

    def __init__(self) -> None:
        self.history: list[Event] = []

    def was(self, what: str, offset: int) -> bool:
        return Event(what, offset) in self.history

    def watermark(self, until: int) -> int | None:
        """Give what was committed last, as far as this process can know."""
        known = None
        for event in self.history[:until]:
            if event.what == "commit":
                known = event.offset
            elif event.what == "release":
                known = None
        return known

    def attempts(self, offset: int) -> int:
        """Give how many attempts go on."""
        begun = self.history.count(Event("begin", offset))
        return begun - self.history.count(Event("fail", offset)) - self.history.count(Event("done", offset))

    def covered(self, offset: int) -> bool:
        """Tell whether a commit of ours passed it after it was ours to process, and was not taken back since."""
        ours = covered = False
        for place, event in enumerate(self.history):
            if event == Event("begin", offset):
                known = self.watermark(place)
                if known is None or known <= offset:
                    ours, covered = True, False
            elif event.what == "release" and not covered:
                ours = False
            elif event.what == "commit":
                known = self.watermark(place)
                if event.offset > offset:
                    covered = covered or ours
                elif known is not None and event.offset < known and not self.over(offset, place):
                    covered = False
        return covered

    def over(self, offset: int, until: int) -> bool:
        """Tell whether it had been told as skipped by then."""
        return Event("skipped", offset) in self.history[:until]

    def lost(self, offset: int) -> bool:
        return (
            self.was("begin", offset)
            and not self.was("done", offset)
            and not self.was("skipped", offset)
            and self.attempts(offset) == 0
            and self.covered(offset)
        )

    def begin(self, offset: int) -> DeliveryAnomaly | None:
        fact = None
        if self.was("done", offset):
            fact = DeliveryAnomaly.REPROCESSED
        elif self.was("begin", offset):
            fact = DeliveryAnomaly.REDELIVERED
        elif any(first > offset and first % KEYS == offset % KEYS for first in self.begun_since_a_seek()):
            fact = DeliveryAnomaly.OUT_OF_ORDER
        self.history.append(Event("begin", offset))
        return fact

    def begun_since_a_seek(self) -> list[int]:
        """Give the offsets that were begun for the first time since the consumer may have gone back."""
        begun: dict[int, bool] = {}
        for event in self.history:
            if event.what == "anew":
                begun = dict.fromkeys(begun, False)
            elif event.what == "begin":
                begun.setdefault(event.offset, True)
        return [offset for offset, since in begun.items() if since]

    def end(self, offset: int, done: bool) -> DeliveryAnomaly | None:
        first = done and not self.was("done", offset)
        self.history.append(Event("done" if done else "fail", offset))
        if first and self.was("skipped", offset):
            return DeliveryAnomaly.RECOVERED
        if self.lost(offset):
            self.history.append(Event("skipped", offset))
            return DeliveryAnomaly.SKIPPED
        return None

    def commit(self, offset: int) -> Committed:
        known = self.watermark(len(self.history))
        self.history.append(Event("commit", offset))
        lost = tuple(sorted(at for at in {event.offset for event in self.history} if self.lost(at)))
        self.history.extend(Event("skipped", at) for at in lost)
        return Committed(lost, known is not None and offset < known)
