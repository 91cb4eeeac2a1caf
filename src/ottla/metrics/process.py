"""What the operating system says of this process, under the names that Prometheus' own clients use.

Reads `/proc` where there is one (a few tens of microseconds), `getrusage` elsewhere; what can't be told is left out.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator

from ottla.metrics import catalogue
from ottla.metrics.family import Sample
from ottla.metrics.registry import Registry

_STARTED_S = time.time()


def register_process(registry: Registry) -> None:
    """Show the process-wide metrics."""
    registry.source(catalogue.PROCESS_CPU_SECONDS, _cpu)
    registry.source(catalogue.PROCESS_RESIDENT_MEMORY_BYTES, _resident_memory)
    registry.source(catalogue.PROCESS_VIRTUAL_MEMORY_BYTES, _virtual_memory)
    registry.source(catalogue.PROCESS_OPEN_FDS, _open_descriptors)
    registry.source(catalogue.PROCESS_MAX_FDS, _most_descriptors)
    registry.source(catalogue.PROCESS_START_TIME_SECONDS, _start_time)


def _cpu() -> Iterator[Sample]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    yield (), usage.ru_utime + usage.ru_stime


def _resident_memory() -> Iterator[Sample]:
    pages = _memory_pages()
    if pages is not None:
        yield (), pages[1] * resource.getpagesize()
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # macOS counts in bytes, the others in kibibytes; it is the peak, as nothing better is at hand.
        yield (), peak if sys.platform == "darwin" else peak * 1024


def _virtual_memory() -> Iterator[Sample]:
    pages = _memory_pages()
    if pages is not None:
        yield (), pages[0] * resource.getpagesize()


def _memory_pages() -> tuple[int, int] | None:
    """Virtual and resident size in pages."""
    try:
        total, resident = _statm().split()[:2]
    except (OSError, ValueError):
        return None
    return int(total), int(resident)


def _statm() -> str:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - pathlib costs a start 3 ms
        return file.read()


def _open_descriptors() -> Iterator[Sample]:
    for directory in ("/proc/self/fd", "/dev/fd"):
        try:
            yield (), len(os.listdir(directory))  # noqa: PTH208
        except OSError:
            continue
        return


def _most_descriptors() -> Iterator[Sample]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield (), float("inf") if soft == resource.RLIM_INFINITY else soft


def _start_time() -> Iterator[Sample]:
    yield (), _STARTED_S
