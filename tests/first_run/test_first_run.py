"""docs/first-run.md, executed: Debian's package index through a broker that is killed in the middle."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from apache_jars import ROOT, java_command
from brokers import free_port


@pytest.mark.timeout(400)
def test_the_first_run_does_what_its_page_says(tmp_path: Path) -> None:
    """Each block of shell on the page runs, and the checks in it hold; on a free port instead of 9092."""
    page = (ROOT / "docs" / "first-run.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    script = "\n".join(["set -euo pipefail", "trap 'kill -9 $(jobs -p) 2>/dev/null || true' EXIT", *blocks])
    console = tmp_path / "bin" / "kafka-console-consumer.sh"
    console.parent.mkdir()
    consumer = " ".join(java_command("4.1.1", "org.apache.kafka.tools.consumer.ConsoleConsumer"))
    console.write_text(f'#!/bin/sh\nexec {consumer} "$@"\n')
    console.chmod(0o755)
    ended = subprocess.run(
        ["bash", "-c", script.replace("127.0.0.1:9092", f"127.0.0.1:{free_port()}")],
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{console.parent}:{os.environ['PATH']}",
            "TMPDIR": str(tmp_path),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    [work] = [each for each in tmp_path.iterdir() if each.name != "bin"]
    log = (work / "broker.log").read_text()
    assert ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}\n{log[-3000:]}"
    records = (work / "packages").read_text().count("\n")
    assert records > 10_000, "the machine's package index is empty: apt-get update"
    assert ended.stdout.count(f"{records} records, each once") == 4
    assert f"\n{records}\n" in ended.stdout, "every line is acknowledged once"
    assert log.count("started") >= 2
    group = json.loads((work / "group.json").read_text())
    assert "again" in json.dumps(group)
