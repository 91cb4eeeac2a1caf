"""What people see: each file in `transcripts/` is a session at a terminal, run line by line and compared as a whole.

A line that begins with `$ ` is run in a shell; what follows is what it prints, then `[exit N]` if the exit code is not 0.
What differs from run to run is replaced by a word in angle brackets. After a wanted change of the output, write the
transcripts anew and read the difference:

    OTTLA_WRITE_TRANSCRIPTS=1 pytest tests/cli/test_cli_transcripts.py
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from brokers import Broker

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))

REPLACED = (
    (r"127\.0\.0\.1:\d{5}\b", "127.0.0.1:<port>"),
    (r"\"port\": \d+", '"port": <port>'),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "<time>"),
    (r"\b1[789]\d{11}\b", "<ms>"),
    (r"\b[A-Za-z0-9_-]{22}\b(?=\"?,?$)", "<id>"),
    (r"(?<=ottla-cli-)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
    (r"(?<=/)pytest-of-[^/]+/pytest-\d+/[^/ ]+", "<tmp>"),
)


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_session_prints_what_its_transcript_says(transcript: Path, cli_broker: Broker, shell) -> None:
    """Every command of the session prints what it printed when the transcript was written, and exits alike."""
    written = transcript.read_text(encoding="utf-8")
    replayed: list[str] = []
    for line in commands(written):
        done = shell(line, cli_broker.bootstrap_servers)
        replayed.append(f"$ {line}\n{without_passing_things(done.stdout)}")
        if done.returncode:
            replayed.append(f"[exit {done.returncode}]\n")
        replayed.append("\n")
    printed = introduction(written) + "".join(replayed)
    if os.environ.get("OTTLA_WRITE_TRANSCRIPTS"):
        transcript.write_text(printed, encoding="utf-8")
    assert printed == written


def introduction(written: str) -> str:
    """What stands before the first command: what the session is about."""
    return written[: written.index("$ ")]


def commands(written: str) -> list[str]:
    """The command lines of a transcript."""
    return [line[2:] for line in written.splitlines() if line.startswith("$ ")]


def without_passing_things(printed: str) -> str:
    """What was printed, with a word for each thing that is different every time."""
    for pattern, word in REPLACED:
        printed = re.sub(pattern, word, printed, flags=re.MULTILINE)
    return "".join(f"{line.rstrip()}\n" for line in printed.splitlines())
