"""The page cache as a machine in use has it: full.

In a virtual machine a page that was never used, or that lay free for a while, costs the kernel some 2 s of CPU a GB to
get from the host: ten times what all the rest of writing it costs. Whoever writes first would be charged for that. So
before each round the memory that is free is filled with clean pages of sparse files; what brokers write takes their
place, on both sides alike.
"""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import Final

LEFT_FREE_BYTES: Final = 1_000_000_000
CHUNK_BYTES: Final = 1 << 22

_numbers = count()


def fill(directory: Path) -> None:
    """Reads a new sparse file as large as the memory that is free, but for `LEFT_FREE_BYTES`.

    The files stay, as removing one would free its pages: `empty` removes them all at the end.
    """
    wanted = _free_bytes() - LEFT_FREE_BYTES
    if wanted < CHUNK_BYTES:
        return
    file = os.open(directory / f"page-cache-{os.getpid()}-{next(_numbers)}", os.O_RDWR | os.O_CREAT)
    try:
        os.ftruncate(file, wanted)
        buffer = bytearray(CHUNK_BYTES)
        for position in range(0, wanted, CHUNK_BYTES):
            os.preadv(file, [buffer], position)
    finally:
        os.close(file)


def empty(directory: Path) -> None:
    """Removes what `fill` made."""
    for path in directory.glob("page-cache-*"):
        path.unlink()


def _free_bytes() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemFree:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/meminfo has no MemFree")
