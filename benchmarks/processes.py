"""What a process and its children cost, out of /proc."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

TICK_SECONDS: Final = 1 / os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS: Final = 0.05


def process_tree(root: int) -> list[int]:
    """The process and all that descend from it, now."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(entry / "stat")
            if fields:
                parents[int(entry.name)] = int(fields[1])
    tree, found = [root], {root}
    for pid in tree:
        for child, parent in parents.items():
            if parent == pid and child not in found:
                found.add(child)
                tree.append(child)
    return tree


def cpu_seconds(root: int) -> float:
    """User and system time of the tree, with that of children which have ended."""
    ticks = 0
    for pid in process_tree(root):
        fields = _stat(Path(f"/proc/{pid}/stat"))
        if fields:
            ticks += sum(int(field) for field in fields[11:15])
    return ticks * TICK_SECONDS


def memory_mb(root: int) -> float:
    """RssAnon and RssShmem of the tree, in MiB: what it holds itself, without the page cache's part."""
    kibibytes = 0
    for pid in process_tree(root):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        for line in status.splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                kibibytes += int(line.split()[1])
    return kibibytes / 1024


class ThreadLoad:
    """How busy the busiest thread of a process is: over 0.85, the process is what limits a measurement."""

    def __init__(self, pid: int) -> None:
        self._tasks = Path(f"/proc/{pid}/task")
        self._last: dict[str, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def busiest_seconds(self) -> float:
        """CPU seconds of the busiest thread since the start; ends the sampling."""
        self._ended.set()
        self._thread.join()
        return max((self._last[name] for name in self._last), default=0) * TICK_SECONDS

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            try:
                threads = list(self._tasks.iterdir())
            except OSError:
                return
            for thread in threads:
                fields = _stat(thread / "stat")
                if fields:
                    self._last[thread.name] = int(fields[11]) + int(fields[12])


def _stat(path: Path) -> list[str]:
    """The fields of a stat file behind the command's name: state is 0, ppid 1, utime 11, stime 12, cutime 13."""
    try:
        return path.read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return []
