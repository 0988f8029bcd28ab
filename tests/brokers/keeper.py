"""Runs a command until it ends, is told to, or no process holds a lock any more: `keeper.py LOCK DATA COMMAND…`.

It is a program of its own so that a broker ends even if the process that started it was killed, and so that it outlives
that process while others use it. SIGTERM ends the command in good order, SIGUSR1 at once; both keep DATA, which goes
when the lock is free.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1


def keep(lock: str, data: str, command: list[str]) -> int:
    """Run the command and give its exit status."""
    os.setsid()  # Ctrl-C in the tests' terminal is not meant for the brokers
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_follow)  # noqa: PLW1509 (one thread)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    signal.signal(signal.SIGUSR1, lambda *_: process.kill())
    signal.signal(signal.SIGCHLD, lambda *_: _leave(process))
    _leave(process)  # it may have ended before the handler was set
    with open(lock, "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        process.kill()
        process.wait()
        shutil.rmtree(data, ignore_errors=True)
    return 0


def _leave(process: subprocess.Popen[bytes]) -> None:
    # Also called when the process is merely paused.
    if process.poll() is not None:
        sys.exit(process.returncode & 0xFF)


def _follow() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1], sys.argv[2], sys.argv[3:]))
