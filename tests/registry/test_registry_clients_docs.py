"""The examples of docs/registry.md do what the page says."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apache_jars import QUICK_JVM, ROOT
from brokers import Broker
from ottla.registry.settings import SETTINGS
from programs import REGISTRY_CLASS_PATH
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
    broker: Broker, registry: RegistryProcess, unique_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Registered, refused and told by curl; produced and consumed in Python, then in Java."""
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
    (java,) = examples("java", broker, registry, topic)
    program = tmp_path / "Orders.java"
    program.write_text(java)
    ended = subprocess.run(
        ["java", *QUICK_JVM, "-cp", REGISTRY_CLASS_PATH, program],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    read = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    assert sorted(read, key=lambda order: order["item"]) == [
        {"item": "ink", "count": 2},
        {"item": "pen", "count": 3},
    ]
    assert registry.get(f"/subjects/{topic}-value/versions").body == [1, 2]


def test_the_page_has_every_setting() -> None:
    """With its default and what it means."""
    page = PAGE.read_text()
    for name, setting in SETTINGS.items():
        assert f"\n| `{name}` | " in page
        assert f" | {setting.doc} |\n" in page
