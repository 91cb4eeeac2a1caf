"""What is measured: a module for each kind of load, each with its rows by name."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.report import Row
from benchmarks.shapes import groups, lifetime, requests, shares, throughput, transactions

SHAPES: dict[str, tuple[str, Callable[[Row], None]]] = {
    **throughput.ROWS,
    **requests.ROWS,
    **lifetime.ROWS,
    **transactions.ROWS,
    **groups.ROWS,
    **shares.ROWS,
}
