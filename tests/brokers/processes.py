"""What the tests ask of the processes of a server."""

from __future__ import annotations

from pathlib import Path

WAIT = 50.0  # seconds; only a failure waits that long


def gone(pid: int) -> bool:
    """Tell whether a process has ended; what nobody waited for has too."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def keepers(folder: Path) -> list[int]:
    """The processes that keep a server in that folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has ended
            continue
        if any("keeper.py" in part for part in command) and any(str(folder) in part for part in command):
            found.append(int(process.name))
    return found
