"""A process of the benchmark's own that is told words and answers by JSON, a line each."""

from __future__ import annotations

import json
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

SHOWN = 3000  # characters of what it complained of


class Process:
    """The parent's end."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], folder: str | None = None) -> None:
        self.command = command
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed with the process
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environ,
            cwd=folder,
        )

    def ask(self, *words: object) -> Any:
        """Tell it these words, and give its answer."""
        self.tell(*words)
        return self.answer()

    def tell(self, *words: object) -> None:
        """Tell it these words; the answer is wanted later."""
        assert self._process.stdin is not None
        print(*words, file=self._process.stdin, flush=True)

    def answer(self) -> Any:
        """Wait for an answer."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self.command)} ended without an answer:\n{self.complaints()}")
        return json.loads(line)

    def complaints(self) -> str:
        """Give the beginning of what it wrote to its standard error."""
        self._errors.seek(0)
        return self._errors.read(SHOWN)

    def close(self) -> None:
        """Have it end."""
        self._process.communicate()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()
