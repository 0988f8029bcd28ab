"""`caller` finds the frame of the application's function, and nothing where the interpreter itself calls."""

from __future__ import annotations

import subprocess
import sys

from otel_eda.core.runtime.frames import caller

PROGRAM = """
import threading
from otel_eda.core.runtime.frames import caller

class Kept:
    def __del__(self):
        print(caller(1))

    def run(self):
        print(caller(1).f_code.co_name)

{}
"""


def ask(depth: int) -> str | None:
    found = caller(depth)
    return None if found is None else found.f_code.co_name


def name(depth: int) -> str | None:
    return ask(depth)


def test_depth_counts_calls_above_the_function_that_asks() -> None:
    assert [name(depth) for depth in range(3)][:2] == ["ask", "name"]
    assert name(2) in {"<listcomp>", "test_depth_counts_calls_above_the_function_that_asks"}


def test_the_usual_depth_is_the_caller_of_who_asks() -> None:
    def asked() -> object:
        found = caller()
        return found and found.f_code

    assert asked() is test_the_usual_depth_is_the_caller_of_who_asks.__code__


def test_above_the_outermost_frame_there_is_none() -> None:
    assert caller(sys.getrecursionlimit()) is None


def run(body: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_the_interpreter_is_no_frame_at_its_exit() -> None:
    assert run("kept = Kept()") == "None"


def test_a_threads_frames_are_its_own() -> None:
    assert run("thread = threading.Thread(target=Kept().run)\nthread.start()\nthread.join()\n").splitlines()[0] == "run"
