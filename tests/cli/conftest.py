"""A broker for the command line's tests alone: what they print must not depend on what other tests left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from brokers import ApacheBroker, Broker, OttlaBroker, RunningBroker

WIDTH = 100

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
def shell(tmp_path: Path) -> Shell:
    """Runs a line in a shell in which `ottla` is the installed command, 100 columns wide: `shell(line, bootstrap)`."""

    def run(
        line: str, bootstrap: str = "127.0.0.1:1", *, merged: bool = True
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "OTTLA_BOOTSTRAP": bootstrap,
            "COLUMNS": str(WIDTH),
            "TERM": "dumb",
            "LC_ALL": "C.UTF-8",
        }
        return subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    return run
