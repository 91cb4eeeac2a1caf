"""What tools can hold: style, types and floors, as tests like the others."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from apache_jars import ROOT

BIN = Path(sys.executable).parent


def run(*command: str) -> None:
    """Runs a tool at the project's root; its output is the failure."""
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout[-6000:]}\n{ended.stderr[-2000:]}"


def test_ruff_finds_nothing() -> None:
    """Every rule of ruff's, but for the exceptions that pyproject.toml gives a reason for."""
    run(str(BIN / "ruff"), "check", "--quiet", ".")


def test_everything_is_formatted() -> None:
    """One formatter, nothing to argue about."""
    run(str(BIN / "ruff"), "format", "--quiet", "--diff", ".")


def test_no_room_imports_what_stands_beside_or_above_it() -> None:
    """The floors of docs/architecture.md."""
    run(str(BIN / "lint-imports"))


@pytest.mark.timeout(600)
def test_types_are_complete_and_strict() -> None:
    """mypy --strict over the package."""
    run(str(BIN / "mypy"))


def test_every_direct_dependency_is_locked() -> None:
    """`make` installs what constraints.txt pins, so a dependency without a pin would float."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    pinned = {line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    names = {entry.split(";")[0].split(">=")[0].strip().lower() for entry in wanted}
    assert names <= pinned
