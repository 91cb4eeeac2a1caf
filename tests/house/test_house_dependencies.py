"""Libraries are asked for in no version that is known to be broken where we use it."""

from __future__ import annotations

import re
import tomllib

import pytest

from apache_jars import ROOT

MENDED = {
    "h11": ("0.16", "CVE-2025-43859: chunks whose ends are not looked at, by which requests are smuggled"),
    "httptools": ("0.6.4", "CVE-2024-27982: folded headers, likewise (llhttp)"),
    "PyJWT": ("2.12", "CVE-2026-32597: extensions that must be understood are passed over"),
    "cryptography": ("46.0.5", "CVE-2026-26007: points outside of a curve's group; CVE-2024-12797"),
    "protobuf": ("6.33.5", "CVE-2026-0994, CVE-2025-4565: nesting without a bound"),
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


@pytest.mark.parametrize("library", MENDED)
def test_a_library_s_lowest_version_is_a_mended_one(library: str) -> None:
    """What `pip install ottla` may choose, not what the tests ran with."""
    [entry] = [each for each in PROJECT["dependencies"] if re.match(rf"{library}\W", each)]
    lowest = re.search(r">=([\d.]+)", entry)
    assert lowest is not None, entry
    assert version(lowest[1]) >= version(MENDED[library][0]), MENDED[library][1]
