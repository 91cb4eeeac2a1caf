"""What is measured: a module for each kind of load, each with its rows by name."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.report import Row
from benchmarks.shapes import (
    access,
    groups,
    lifetime,
    logins,
    registry,
    requests,
    shares,
    throughput,
    tls,
    transactions,
)

SHAPES: dict[str, tuple[str, Callable[[Row], None]]] = {
    **throughput.ROWS,
    **requests.ROWS,
    **lifetime.ROWS,
    **transactions.ROWS,
    **groups.ROWS,
    **shares.ROWS,
    **access.ROWS,
    **logins.ROWS,
    **tls.ROWS,
    **registry.ROWS,
}
