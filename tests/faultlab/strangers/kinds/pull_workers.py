"""A ventilator pushes jobs to workers, one of which is killed with its hands full; its twin's workers end when told."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED
from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
JOBS = 300


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    jobs, results = (f"ipc://{books.file.with_suffix(name)}" for name in (".jobs", ".results"))
    with (
        books.running("sink", sink, results) as end,
        books.running("pixel-worker", worker, jobs, results, 20 if faulty else 0) as one,
        books.running("pixel-worker", worker, jobs, results, 0) as two,
        books.running("ventilator", ventilate, jobs) as begin,
    ):
        books.stage.finish(begin)
        books.stage.finish(one, KILLED if faulty else 0)
        for program in (two, end):
            books.stage.finish(program)
    if faulty:
        books.note("killed", who="pixel-worker")
        assert books.count("came") < JOBS
        books.note("must", code="EDA106", where={"service": "ventilator"})
    else:
        assert books.count("came") == JOBS


def ventilate(jobs: str) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.bind(jobs)
    time.sleep(2.5)  # until the workers are there
    for number in range(JOBS):
        note("sent", number, to=jobs)
        socket.send_json({"job": number})
        time.sleep(0.002)
    context.destroy(linger=3000)


def worker(jobs: str, results: str, dies_at: int) -> None:
    import zmq

    context = zmq.Context()
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    pull.connect(jobs)
    push.connect(results)
    count = 0
    while pull.poll(6000):
        job = pull.recv_json()
        count += 1
        time.sleep(0.008)
        push.send_json(job)
        if count == dies_at:
            time.sleep(1.5)
            os.kill(os.getpid(), signal.SIGKILL)
    context.destroy(linger=1000)


def sink(results: str) -> None:
    import zmq

    context = zmq.Context()
    socket = context.socket(zmq.PULL)
    socket.bind(results)
    while socket.poll(9000):
        job: Any = socket.recv_json()
        note("came", job["job"])
    context.destroy(linger=0)
