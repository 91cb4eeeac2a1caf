"""Where the client programs of other languages lie, once `make setup` has built them."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from apache_jars import JAVA_CACHE, QUICK_JVM, ROOT

KAFKAJS: Final = ("node", str(ROOT / "tests" / "node" / "kafkajs.mjs"))
SEGMENTIO: Final = (str(ROOT / ".cache" / "go" / "segmentio"),)
RDKAFKA: Final = (str(ROOT / ".cache" / "rust" / "debug" / "rdkafka-client"),)
REGISTRY_KAFKAJS: Final = ("node", str(ROOT / "tests" / "node" / "registry.mjs"))
REGISTRY_FRANZ_GO: Final = (str(ROOT / ".cache" / "go" / "registry"),)
REGISTRY_CLASS_PATH: Final = f"{JAVA_CACHE / 'classes-registry'}:{JAVA_CACHE / 'registry'}/*"
REGISTRY_JAVA: Final = ("java", *QUICK_JVM, "-cp", REGISTRY_CLASS_PATH, "ottla.RegistryProgram")
FRANZ_GO_TESTS: Final = str(ROOT / ".cache" / "go" / "kgo.test")


@cache
def franz_go_package() -> Path:
    """The folder of franz-go's kgo package in Go's module cache: its tests expect to run there."""
    found = subprocess.run(
        ["go", "list", "-f", "{{.Dir}}", "github.com/twmb/franz-go/pkg/kgo"],
        cwd=ROOT / "tests" / "go",
        env={**os.environ, "GOFLAGS": "-mod=mod"},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(found.stdout.strip())
