"""What really happened, as the programs of a scenario write it down."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from otel_eda.diagnosis.finding import Verdict

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "FAULTLAB_TRUTH"


@dataclass(frozen=True)
class Truth:
    """One thing that is so: how a diagnosis has to call it, how sure it has to be at least, and where it is."""

    code: str
    verdict: str
    fault: bool
    where: dict[str, Any] = field(default_factory=dict)
    program: str = ""

    @property
    def least(self) -> Verdict:
        """The least verdict that will do."""
        return Verdict[self.verdict]

    def allows(self, verdict: Verdict) -> bool:
        """Tell whether a finding of it may be so sure: of a fault yes, of what is harmless up to its own verdict."""
        return self.fault or verdict <= self.least


def fault(code: str, verdict: str = "CONFIRMED", **where: Any) -> None:
    """Note that something has gone wrong; a diagnosis has to find it, at least so sure."""
    _note(Truth(code, verdict, True, where))


def harmless(code: str, **where: Any) -> None:
    """Note what is so, but no fault or the mere consequence of one: it may be found, as LIKELY at most."""
    _note(Truth(code, Verdict.LIKELY.name, False, where))


def place(message: Any) -> dict[str, Any]:
    """Say where a message of a Kafka client is."""
    topic, partition, offset = (
        value() if callable(value) else value for value in (message.topic, message.partition, message.offset)
    )
    return {"destination": topic, "partition": str(partition), "offset": offset}


def _note(truth: Truth) -> None:
    # At once, since the next that happens may be the end of the process.
    with open(os.environ[VARIABLE], "a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(truth)) + "\n")


def read(file: Path) -> list[Truth]:
    """Give what was noted, each once."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [Truth(**json.loads(line)) for line in dict.fromkeys(lines)]
