"""A farm of workers reads X-rays by PUSH and PULL: one worker dies of an exposure, and what waits for it is gone.

What shows it: the context frame numbers the dispatcher's messages; those that ZeroMQ had put into the dead worker's
pipe have a send span, and no process span (EDA106). The worker's last process span has an `error.type`. The twin knows
another way for such an exposure, and one of its workers comes late.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
COUNT, DARK, LAST = 240, 30, 30_000  # milliseconds without a job, after which a worker is not needed any more


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    jobs, readings = (f"ipc://{books.file.with_name(name)}" for name in ("jobs", "readings"))
    with (
        books.running("archive", archive, readings) as end,
        books.running("xray-worker", worker, jobs, readings, faulty) as one,
        books.running("xray-worker", worker, jobs, readings, faulty) as two,
    ):
        books.wait("ready", 3)
        with books.running("dispatcher", dispatcher, jobs) as begin:
            # The one that gets the dark exposure dies.
            if faulty:
                books.wait("failed", 1)
            books.stage.finish(begin)
            ended = finish(books, one, faulty) + finish(books, two, faulty)
            books.stage.finish(end)
    assert sorted(ended) == ([0, 1] if faulty else [0, 0])
    if faulty:
        assert books.count("came") < COUNT - 1
        books.note("must", code="EDA106", where={"service": "dispatcher"})
        books.note("may", code="EDA104", where={})
    else:
        assert books.count("came") == COUNT


def finish(books: Books, program: Any, faulty: bool) -> list[int]:
    """Wait for a worker's end, and give its status."""
    status = program.finish(120.0).status
    assert status in ({0, 1} if faulty else {0})
    return [status]


def dispatcher(jobs: str) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.bind(jobs)
    time.sleep(3)  # until the workers are there
    for number in range(COUNT):
        note("sent", f"xray-{number}", to=jobs)
        socket.send_json({"id": f"xray-{number}", "exposure": 0 if number == DARK else 5})
        time.sleep(0.004)
    for _ in range(2):
        socket.send_json({"id": None})
    context.destroy(linger=30_000)


class Reader:
    """Reads what is on an X-ray."""

    def __init__(self, careful: bool) -> None:
        self.careful = careful

    def read(self, job: dict[str, Any]) -> float:
        note("began", job["id"])
        time.sleep(0.02)
        if job["exposure"] == 0 and self.careful:
            return 0.0
        if job["exposure"] == 0:
            note("failed", job["id"])
        found = 100 / job["exposure"]
        note("done", job["id"])
        return float(found)


def worker(jobs: str, readings: str, faulty: bool) -> None:
    import zmq

    context, reader = zmq.Context(), Reader(careful=not faulty)
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    pull.connect(jobs)
    push.connect(readings)
    push.linger = 5000
    note("ready")
    while pull.poll(LAST):
        job: Any = pull.recv_json()
        if job["id"] is None:
            break
        push.send_json({"id": job["id"], "found": reader.read(job)})
    pull.close(linger=0)
    push.close(linger=30_000)
    context.term()


def archive(readings: str) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.PULL)
    socket.bind(readings)
    note("ready")
    while socket.poll(LAST):
        reading: Any = socket.recv_json()
        note("came", reading["id"])
    socket.close(linger=0)
    context.term()
