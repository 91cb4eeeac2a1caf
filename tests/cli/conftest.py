"""A broker for the command line's tests alone: what they print must not depend on what other tests left behind."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from brokers import ApacheBroker, Broker, OttlaBroker, RunningBroker
from ottla.cli.main import main

WIDTH = 100
SHELL_SYNTAX = frozenset("|&;<>$(){}")

Shell: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def cli_broker(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of the kind that `--broker` names, empty at first."""
    if ":" in broker_kind:
        host, port = broker_kind.rsplit(":", 1)
        yield RunningBroker(host, int(port))
        return
    kind = {"ottla": OttlaBroker, "apache": ApacheBroker}[broker_kind]
    with kind(tmp_path_factory.mktemp("cli"), {"num.partitions": "1"}) as broker:
        yield broker


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Runs a line as a shell would in which `ottla` is the installed command, 100 columns wide: `shell(line, bootstrap)`.

    A line that is one plain `ottla` command runs in this process, which is ten times as quick.
    """

    def run(line: str, bootstrap: str = "127.0.0.1:1") -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "OTTLA_BOOTSTRAP": bootstrap,
            "COLUMNS": str(WIDTH),
            "TERM": "dumb",
            "LC_ALL": "C.UTF-8",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        if line.startswith("ottla") and not SHELL_SYNTAX & set(line):
            return run_here(shlex.split(line)[1:], tmp_path / ".printed")
        return subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def run_here(words: list[str], printed: Path) -> subprocess.CompletedProcess[str]:
    """The command in this process, both outputs in one file, in the order in which they were written."""
    with (
        Path(os.devnull).open() as nothing,
        printed.open("w+", encoding="utf-8") as output,
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "stdin", nothing)
        exit_code = main(words)
        output.flush()
    return subprocess.CompletedProcess(words, exit_code, printed.read_text(encoding="utf-8"))
