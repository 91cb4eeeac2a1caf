"""A program that answers line by line, mostly a JVM with Apache's code in it: started once, asked many times.

with LineProgram(java_command("4.1.1", "ottla.StreamsAssignor")) as apache:
    apache.ask({"members": …})          # JSON there, JSON back
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any, Self


class LineProgram:
    """One process. Not for two threads at a time."""

    def __init__(self, command: Sequence[str], *, is_quiet: bool = False) -> None:
        """`is_quiet`: what it writes to its standard error is of no interest."""
        self._name = command[-1]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if is_quiet else None,
            text=True,
            encoding="utf-8",
        )

    def ask(self, question: object) -> Any:
        """One line of JSON there, one back."""
        [answer] = self.exchange([json.dumps(question)])
        return json.loads(answer)

    def exchange(self, lines: Sequence[str]) -> Iterator[str]:
        """Send lines, no more at once than a pipe holds; an answer for each, without its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n".join(lines) + "\n")
        self._process.stdin.flush()
        for line in lines:
            answer = self._process.stdout.readline()
            if not answer:
                code = self._process.wait()
                raise RuntimeError(f"{self._name} ended with code {code} after {line[:200]!r}")
            yield answer.rstrip("\n")

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
