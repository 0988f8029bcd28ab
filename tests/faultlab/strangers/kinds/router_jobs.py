"""A broker of jobs by ROUTER and DEALER forgets that a worker has gone; its twin tells its workers to end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pyzmq",)
JOBS = 60


def play(books: Books, library: str, faulty: bool) -> None:
    books.stage.environ["OTEL_EDA_ZMQ_PROPAGATE"] = "1"
    door = f"ipc://{books.file.with_suffix('.sock')}"
    with (
        books.running("render-master", master, door) as boss,
        books.running("render-worker", worker, door, "left", 10 if faulty else JOBS) as one,
        books.running("render-worker", worker, door, "right", JOBS) as two,
    ):
        for program in (one, two, boss):
            books.stage.finish(program)
    if faulty:
        assert books.count("came") < JOBS
        # ROUTER drops what is for somebody who is not there, and says nothing.
        books.note("must", code="EDA106", least="SUSPECT", where={"service": "render-master"})


def master(door: str) -> None:
    import zmq

    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.bind(door)
    here: list[bytes] = []
    while len(here) < 2:
        here.append(router.recv_multipart()[0])
    done = 0
    for number in range(JOBS):
        note("sent", number, to=door)
        router.send_multipart([here[number % 2], json.dumps({"frame": number}).encode()])
        while router.poll(50):
            router.recv_multipart()
            done += 1
    for name in here:
        router.send_multipart([name, b"null"])
    while done < JOBS and router.poll(2000):
        router.recv_multipart()
        done += 1
    context.destroy(linger=1000)


def worker(door: str, name: str, most: int) -> None:
    import zmq

    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.setsockopt(zmq.IDENTITY, name.encode())
    dealer.connect(door)
    dealer.send(b"ready")
    for _ in range(most):
        if not dealer.poll(15_000):
            break
        job = json.loads(dealer.recv())
        if job is None:
            break
        note("came", job["frame"])
        dealer.send(b"done")
    context.destroy(linger=1000)
