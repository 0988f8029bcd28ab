"""A program that imports, switches and connects in a given order, then sends and consumes one message.

It reads cases, one a line, and forks a process for each, since importing the SDK takes longer than all the rest. A case
is a JSON object: `environ`, and `arguments`, which are the names of driver and library module, the address, the
destination and the steps. The answer is one: `status`, `output` (as JSON, which spans there were), `errors`.
"""

from __future__ import annotations

import json
import os
import sys
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import drivers
from drivers.base import Message, Reading, Sending

import otel_eda
from support.recorder import Recorder
from support.spans import attribute

if TYPE_CHECKING:
    from drivers.base import Driver


class Application:
    """Its methods are the steps."""

    def __init__(self, name: str, module: str, address: str, destination: str) -> None:
        self.name, self.module, self.address, self.destination = name, module, address, destination
        self.recorder = Recorder()
        self.early = False
        self.driver: Driver

    def library(self) -> None:
        """Import the library, which nobody is to have done before."""
        self.early = self.module in sys.modules
        self.driver = drivers.load(self.name)

    def clients(self) -> None:
        """Make a producer and a consumer."""
        self.producer = self.driver.producer(self.address, self.destination, Sending())
        self.consumer = self.driver.consumer(self.address, (self.destination,), Reading())

    def enable(self) -> None:
        """Switch the instrumentation on."""
        recorder = self.recorder
        otel_eda.enable(tracer_provider=recorder.tracer_provider, meter_provider=recorder.meter_provider)

    def disable(self) -> None:
        """Switch it off."""
        otel_eda.disable()

    def report(self) -> dict[str, object]:
        """Send and consume one message; tell what was seen of it."""
        self.producer.send(Message()).wait()
        self.consumer.consume(self.driver.shapes[0], lambda _: None)
        self.producer.close()
        self.consumer.close()
        spans = self.recorder.ours()
        operations = [attribute(span, "messaging.operation.type") for span in spans]
        traces = {span.context.trace_id for span in spans if span.context}
        return {"early": self.early, "operations": operations, "traces": len(traces)}


def take(name: str, module: str, address: str, destination: str, *steps: str) -> None:
    """Take the steps and print the report."""
    application = Application(name, module, address, destination)
    for step in steps:
        getattr(application, step)()
    print(json.dumps(application.report()))


def answer(case: dict[str, Any]) -> dict[str, object]:
    """Have a process of its own take a case; return how it ended, and what it wrote."""
    with TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        pid = os.fork()
        if not pid:
            os.dup2(output.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            os.environ.update(case["environ"])
            take(*case["arguments"])
            sys.exit()  # by way of `main`, as any program ends
        _, status = os.waitpid(pid, 0)
        output.seek(0)
        errors.seek(0)
        return {"status": os.waitstatus_to_exitcode(status), "output": output.read(), "errors": errors.read()}


def main() -> None:
    """Answer each line."""
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
