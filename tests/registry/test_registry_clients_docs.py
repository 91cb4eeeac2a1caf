"""The examples of docs/registry.md do what the page says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from typing import Any

from apache_jars import ROOT
from brokers import Broker
from registries import RegistryProcess

PAGE = ROOT / "docs" / "registry.md"


def examples(language: str, broker: Broker, registry: RegistryProcess, topic: str) -> list[str]:
    """The page's blocks of a language, on this broker and registry, with a topic of their own."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [
        block.replace("127.0.0.1:9092", broker.bootstrap_servers)
        .replace("127.0.0.1:8081", f"{registry.host}:{registry.port}")
        .replace("orders", topic)
        .replace("readers", f"{topic}-readers")
        for block in blocks
    ]


def test_the_pages_examples_run(
    broker: Broker, registry: RegistryProcess, unique_name: Callable[[str], str]
) -> None:
    """Registered, refused and told by curl; produced and consumed in Python."""
    topic = unique_name("orders")
    (shell,) = examples("sh", broker, registry, topic)
    ended = subprocess.run(
        ["bash", "-e", "-c", shell], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert '"is_compatible":false' in ended.stdout
    assert "READER_FIELD_MISSING_DEFAULT_VALUE" in ended.stdout
    assert f'"subject":"{topic}-value","version":1' in ended.stdout
    (python,) = examples("python", broker, registry, topic)
    names: dict[str, Any] = {}
    exec(python, names)
    names["registry"].__exit__(None, None, None)
    assert names["order"] == {"item": "pen", "count": 3}
    assert registry.get(f"/subjects/{topic}-value/versions").body == [1, 2]
