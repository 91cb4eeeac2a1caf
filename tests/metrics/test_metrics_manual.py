"""The list of metrics is the catalogue's."""

from __future__ import annotations

from pathlib import Path

from ottla.metrics.manual import manual


def test_the_page_is_current() -> None:
    """After a change of the catalogue: `python -m ottla.metrics.manual > docs/metrics.md`."""
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    assert page.read_text(encoding="utf-8") == manual()
