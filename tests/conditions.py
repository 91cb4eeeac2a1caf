"""Waiting for what another thread or process does: looking until it is so, never for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

DEADLINE_SECONDS = 30.0
BETWEEN_LOOKS_SECONDS = 0.005

T = TypeVar("T")


def until(
    look: Callable[[], T],
    good: Callable[[T], bool] = bool,
    *,
    seconds: float = DEADLINE_SECONDS,
    otherwise: Callable[[], object] | None = None,
) -> T:
    """Look again and again until it is good. Fails after so many seconds with what was seen last, or what `otherwise` tells."""
    deadline = time.monotonic() + seconds
    while not good(seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still not as expected: {seen!r}" if otherwise is None else otherwise())
        time.sleep(BETWEEN_LOOKS_SECONDS)
    return seen
