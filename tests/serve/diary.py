"""Telemetry with a diary: what became of each message is known, and told beside what the telemetry shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from diagnosis.telemetry import BEGIN, SECOND, Telemetry

if TYPE_CHECKING:
    from diagnosis.telemetry import Message, Service

START = BEGIN / SECOND
HOSTILE = "<img src=x onerror=alert(1)>\"'`\u202e</script>"


@dataclass
class Diary:
    """What became of each message, by the second in which it was sent."""

    world: Telemetry
    fates: dict[int, Counter[str]] = field(default_factory=dict)
    messages: dict[str, list[Message]] = field(default_factory=dict)

    def note(self, at: float, fate: str, message: Message) -> None:
        self.fates.setdefault(int(at), Counter())[fate] += 1
        self.messages.setdefault(fate, []).append(message)

    def total(self, fate: str) -> int:
        return sum(counter[fate] for counter in self.fates.values())


def written(number: int = 120, *, hostile: bool = False) -> Diary:
    """Let orders be sent for twelve seconds: some are lost, some fail, some fail first and then do not, some are not
    sent at all, and the last are still under way.
    """
    world = Telemetry()
    shop, billing = world.service("shop"), world.service(HOSTILE if hostile else "billing", group="billing")
    diary = Diary(world)
    for turn in range(number):
        at, offset = turn * 0.1, turn // 3
        partition = turn % 3
        if turn % 20 == 19:
            diary.note(at, "unsent", shop.send("orders", at, error="KafkaTimeoutError"))
            continue
        said = {"messaging.message.id": f"order-{turn}", "messaging.message.conversation_id": f"talk-{turn}"}
        message = shop.send("orders", at, offset, partition, said=said)
        diary.note(at, _worked(billing, turn, at, message), message)
    late = shop.send("orders", 400.0, number, 0)
    diary.note(400.0, "under_way", late)
    for service in (shop, billing):
        service.other("still here", 400.5, 0.01)
    return diary


def _worked(billing: Service, turn: int, at: float, message: Message) -> str:
    if turn % 20 == 7:
        return "lost"
    if turn % 20 == 11:
        billing.process(message, at + 0.01, error="ValueError")
        return "failed"
    if turn % 20 == 13:
        billing.process(message, at + 0.01, error="ValueError")
        billing.process(message, at + 0.02)
        return "processed"
    billing.process(message, at + 0.01, 0.4 if turn % 20 == 3 else 0.003)
    return "processed"
