"""This machine: versions, descriptors, clock."""

import platform
import resource
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from ottla.cli.checks.findings import Finding, fault, fine, warning

MIN_DESCRIPTORS = 256
WANTED_DESCRIPTORS = 4096
"""A descriptor a connection; open segments are kept within what is left."""
EARLIEST_PLAUSIBLE_S = 1_735_689_600
"""2025-01-01: no machine runs this before, so a clock that says so is wrong."""


def check_machine() -> Iterator[Finding]:
    """All of it."""
    yield fine(
        "python", f"{platform.python_version()} ({platform.python_implementation()}, {sys.executable})"
    )
    yield fine("system", f"{platform.system()} {platform.release()} {platform.machine()}")
    yield from _libraries()
    yield _descriptors(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    yield _clock(time.time())


def _libraries() -> Iterator[Finding]:
    found: list[str] = []
    for name, minimum in required_packages():
        try:
            installed = version(name)
        except PackageNotFoundError:
            yield fault("libraries", f"{name} is not installed", f"pip install '{name}>={minimum}'")
            continue
        found.append(f"{name} {installed}")
        if _numbers(installed) < _numbers(minimum):
            yield fault(
                "libraries", f"{name} is {installed}, {minimum} or later is needed", f"pip install -U {name}"
            )
    yield fine("libraries", ", ".join([f"ottla {version('ottla')}", *found]))


def required_packages() -> list[tuple[str, str]]:
    """Name and least version of what the package needs, as its metadata has it."""
    packages = []
    for requirement in requires("ottla") or ():
        if "extra ==" in requirement:
            continue
        name, _, rest = requirement.partition(">=")
        packages.append((name.strip(), rest.partition(";")[0].strip().partition(",")[0] or "0"))
    return packages


def _numbers(text: str) -> tuple[int, ...]:
    numbers = []
    for part in text.split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)


def _descriptors(limit: int) -> Finding:
    if limit < MIN_DESCRIPTORS:
        return fault("descriptors", f"only {limit} may be open at once", "raise the limit: ulimit -n 65536")
    if limit < WANTED_DESCRIPTORS:
        return warning(
            "descriptors",
            f"{limit} may be open at once; each connection takes one",
            "raise the limit for many connections: ulimit -n 65536",
        )
    return fine("descriptors", f"{limit} may be open at once")


def _clock(now_s: float) -> Finding:
    if now_s < EARLIEST_PLAUSIBLE_S:
        return fault(
            "clock",
            f"it says {time.strftime('%Y-%m-%d', time.gmtime(now_s))}",
            "set the clock: timestamps and retention by time rest on it",
        )
    return fine("clock", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s)))
