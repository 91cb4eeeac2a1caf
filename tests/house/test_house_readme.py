"""The README's first screen holds."""

from __future__ import annotations

import re
import subprocess
import sys

from apache_jars import ROOT
from brokers import Broker


def test_the_example_of_the_readme_runs(broker: Broker) -> None:
    """As a newcomer pastes it, on another port."""
    [example, *_] = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert len([line for line in example.splitlines() if line]) <= 10
    program = example.replace("127.0.0.1:9092", broker.bootstrap_servers)
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.stdout == "b'hello'\n", ended.stderr


def test_the_pages_that_the_readme_names_exist() -> None:
    """No dead link."""
    for name in ("README.md", "CHANGELOG.md", *map(str, (ROOT / "docs").glob("*.md"))):
        page = ROOT / name
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{name} names {target}"
