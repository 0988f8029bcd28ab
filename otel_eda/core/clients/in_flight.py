"""What may be open at a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_eda import semconv
from otel_eda.core.telemetry.errors import Outcome

if TYPE_CHECKING:
    from otel_eda.core.patching.patch import Switch
    from otel_eda.core.send.sending import Sending


class Answer(NamedTuple):
    """Which sends a broker confirms or refuses: that of a number, or all up to it (0: all there are)."""

    number: int
    multiple: bool = False
    refused: bool = False


class Confirms:
    """The sends of one channel that wait for their numbers to be confirmed."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self.number = 0
        self.waiting: dict[int, Sending] = {}

    def answered(self, answer: Answer) -> None:
        """End the sends that are meant."""
        up_to = [number for number in self.waiting if number <= answer.number or not answer.number]
        for number in up_to if answer.multiple else [answer.number]:
            sending = self.waiting.pop(number, None)
            if sending is not None and answer.refused:
                sending.failed(Outcome(semconv.NACKED, "the broker refused the message"))
            elif sending is not None:
                sending.acknowledged(None)
