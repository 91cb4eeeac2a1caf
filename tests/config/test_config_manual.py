"""The manual of settings is the one that the declarations give."""

from __future__ import annotations

from pathlib import Path

from ottla.config.catalogue import BROKER_SETTINGS, TOPIC_SETTINGS
from ottla.config.manual import manual

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_page_is_current() -> None:
    """After a change of a declaration: `python -m ottla.config.manual > docs/configuration.md`."""
    assert PAGE.read_text(encoding="utf-8") == manual()


def test_the_page_names_every_setting_but_internal_ones() -> None:
    """What someone may set stands there; what is for tests doesn't."""
    page = manual()
    for setting in [*BROKER_SETTINGS.values(), *TOPIC_SETTINGS.values()]:
        assert (f"- **`{setting.name}`**" in page) != setting.internal, setting.name


def test_large_numbers_are_said_in_words() -> None:
    """`604800000` tells a reader little, seven days does."""
    page = manual()
    assert "default `604800000` (7 days)" in page
    assert "default `1073741824` (1 GiB)" in page
    assert "default `9223372036854775807` (no limit)" in page
