"""`ottla broker`, that kills itself with SIGKILL at a chosen write to a log: `crashing_broker.py ARMED server.properties`.

ARMED is a file that says when: `<number> before|half|after`. It is looked for at each write, and counting begins with the
first that finds it: that write of this number is not done, half done (a torn write), or done, and the process is gone.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ottla.cli.main import main

Buffer = bytes | bytearray | memoryview


class Crash:
    """Counts down."""

    def __init__(self, armed: Path) -> None:
        self.armed = armed
        self.left = -1
        self.how = ""
        self.pwrite = os.pwrite
        self.pwritev = os.pwritev

    def due(self) -> bool:
        """Whether this write is the one."""
        if self.left < 0:
            if not self.armed.exists():
                return False
            number, self.how = self.armed.read_text().split()
            self.left = int(number)
        self.left -= 1
        return self.left == 0

    def write(self, descriptor: int, content: bytes, position: int) -> None:
        """As much of it as is to reach the file; then the end."""
        written = {"before": b"", "half": content[: len(content) // 2], "after": content}[self.how]
        self.pwrite(descriptor, written, position)
        os.kill(os.getpid(), signal.SIGKILL)


def install(crash: Crash) -> None:
    """Every positioned write of this process asks the crash first."""

    def pwrite(descriptor: int, buffer: Buffer, position: int, /) -> int:
        if crash.due():
            crash.write(descriptor, bytes(buffer), position)
        return crash.pwrite(descriptor, buffer, position)

    def pwritev(descriptor: int, buffers: Sequence[Buffer], position: int, flags: int = 0, /) -> int:
        if crash.due():
            crash.write(descriptor, b"".join(bytes(each) for each in buffers), position)
        return crash.pwritev(descriptor, buffers, position, flags)

    os.pwrite, os.pwritev = pwrite, pwritev


if __name__ == "__main__":
    armed_path, properties = sys.argv[1:]
    install(Crash(Path(armed_path)))
    sys.argv = ["ottla", "broker", properties]
    sys.exit(main())
