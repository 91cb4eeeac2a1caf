"""docs/tls.md, executed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from apache_jars import ROOT
from brokers import free_port


def test_the_page_about_tls_does_what_it_says(tmp_path: Path) -> None:
    """Each block of shell runs, and what it looks for is there; on free ports."""
    page = (ROOT / "docs" / "tls.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    script = "\n".join(["set -euo pipefail", "trap 'kill -9 $(jobs -p) 2>/dev/null || true' EXIT", *blocks])
    for port in ("9092", "9093"):
        script = script.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    ended = subprocess.run(
        ["bash", "-xc", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    log = tmp_path / "broker.log"
    assert ended.returncode == 0, (
        f"{ended.stdout[-2000:]}\n{ended.stderr[-4000:]}\n{log.read_text()[-3000:] if log.exists() else ''}"
    )
