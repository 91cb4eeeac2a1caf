"""Names that somebody gave can't do anything to the terminal that shows them, nor pose as other rows."""

from __future__ import annotations

import io
import json
import os
import pty
import sys

import pytest

from brokers import Broker
from conditions import until
from ottla.cli.application import show_error
from ottla.cli.commands.consume import on_terminal, renderer
from ottla.cli.commands.schema import print_diff, show_text
from ottla.cli.errors import CommandError
from ottla.cli.formats import Format
from ottla.cli.output import json_text, print_fields, print_table, visible, visible_lines
from ottla.cli.requests.records import IncomingRecord
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)
from wire.wire_client import WireClient

EVIL = "g\x1b[2J\x1b]0;title\x07\x9b31m\rroot \u202egnp\u2028x"
NOT_YET = (
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
)


def is_harmless(text: str) -> bool:
    return all(each in "\n\t" or each.isprintable() for each in text)


def test_a_group_of_an_evil_name(shell, broker: Broker) -> None:
    """Listed in one line, with escapes; as JSON it is the same name."""
    with WireClient(broker.host, broker.port) as wire:
        shell("ottla topic create hostile --if-not-exists", broker.bootstrap_servers)
        partition = OffsetCommitRequestPartition(partition_index=0, committed_offset=0)
        topic = OffsetCommitRequestTopic(name="hostile", partitions=[partition])
        request = OffsetCommitRequest(group_id=EVIL, topics=[topic])
        wire.find_coordinator(EVIL)
        until(
            lambda: wire.ask(request, OffsetCommitResponse, 5).topics[0].partitions[0].error_code,
            lambda code: code not in NOT_YET,
        )
    try:
        done = shell("ottla group list", broker.bootstrap_servers)
        assert is_harmless(done.stdout)
        assert "\\x1b[2J" in done.stdout
        as_json = shell("ottla group list --json", broker.bootstrap_servers).stdout
        assert is_harmless(as_json)
        assert EVIL in {group["group"] for group in json.loads(as_json)}
    finally:
        # What other tests' transcripts print must not depend on this one.
        words = f"ottla group delete '{EVIL}' --yes"
        assert shell(words, broker.bootstrap_servers).returncode == 0


def test_every_way_to_print(capsys: pytest.CaptureFixture[str]) -> None:
    """Tables, fields, errors, schemas, differences; lines that are a text's own stay."""
    print_table(["NAME"], [[EVIL]])
    print_fields([("Name", EVIL)])
    show_error(CommandError(EVIL, where=EVIL, remedy=EVIL), as_json=False)
    print_diff([f"+{EVIL}"])
    show_text(type("Schema", (), {"references": [], "readable": f"first\n\t{EVIL}"})())
    written = capsys.readouterr()
    assert is_harmless(written.out)
    assert is_harmless(written.err)
    assert "first\n\t" in written.out
    assert len(written.err.splitlines()) == 3


def test_json_means_the_same() -> None:
    """Whatever is escaped."""
    text = json_text({EVIL: [EVIL, "größer 日本語 🚀"]})
    assert is_harmless(text)
    assert "größer 日本語 🚀" in text
    assert json.loads(text) == {EVIL: [EVIL, "größer 日本語 🚀"]}


def test_what_is_harmless_stays() -> None:
    """Names in any language; line ends only where a text has lines."""
    for text in ("größer", "日本語", "emoji 🚀", "עברית"):
        assert visible(text) == visible_lines(text) == text
    assert (visible("a\nb\tc"), visible_lines("a\nb\tc")) == ("a\\nb\\tc", "a\nb\tc")


def record(value: bytes) -> IncomingRecord:
    return IncomingRecord("t", 0, 0, 0, False, None, value, ())


def test_records_at_a_terminal() -> None:
    """Escaped there; in a pipe and a file they are what they are."""
    plain = renderer("{value}", Format.STRING, Format.STRING)
    value = f"first\n{EVIL}".encode()
    assert plain(record(value)) == value + b"\n"
    assert is_harmless(on_terminal(plain)(record(value)).decode())
    assert on_terminal(plain)(record("größer".encode())).decode() == "größer\n"


def test_a_terminal_is_told_from_a_pipe(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer whose output is a terminal, by the command itself."""
    from ottla.cli.main import main

    servers = ["-b", broker.bootstrap_servers]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO()))
        main(["topic", "create", "terminal", "--if-not-exists", *servers])
        main(["produce", "terminal", EVIL, *servers])
    ours, terminal = pty.openpty()
    with os.fdopen(terminal, "w", encoding="utf-8") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main(["consume", "terminal", "--from", "earliest", "--count", "1", *servers]) == 0
        stdout.flush()
        shown_there = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "\\x1b[2J" in shown_there
    assert "\x1b" not in shown_there
