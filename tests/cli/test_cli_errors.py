"""Wrong input: each row is a command line, the exit code, and what the message must say (what, where, what to do)."""

from __future__ import annotations

import io
import json
import sys

import pytest

from ottla.cli.main import main

NOWHERE = ["--bootstrap", "127.0.0.1:1"]

ROWS = [
    # what was typed, exit code, what must be said
    (
        ["topic", "list", *NOWHERE],
        3,
        ["no broker can be reached", "connection refused", "ottla up", "ottla doctor"],
    ),
    (
        ["topic", "list", "-b", "no.such.host.invalid"],
        3,
        ["no.such.host.invalid:9092: the name cannot be resolved"],
    ),
    (["topic", "list", "-b", "localhost:http"], 2, ["'http' is not a port", "1 to 65535"]),
    (["topic", "list", "-b", "localhost:0"], 2, ["'0' is not a port"]),
    (["topic", "list", "-b", " , "], 2, ["no bootstrap address"]),
    (["topic", "list", "-b", "http://a b:1"], 2, ["'a b' is not a host name"]),
    (["topic", "list", "-X", "x"], 2, ["'x' is not of the form KEY=VALUE", "--property"]),
    (["topic", "list", "--property-file", "/nope"], 2, ["cannot be read: No such file", "/nope"]),
    (["topic", "list", "--timeout", "0"], 2, ["--timeout"]),
    (["topic", "create"], 2, ["Missing argument", "TOPIC"]),
    (["topic", "create", "x", "--partitions", "many"], 2, ["--partitions"]),
    (["topic", "create", "x", "--partitions", "0"], 2, ["--partitions"]),
    (
        ["topic", "create", "x", "--set", "retention.ms"],
        2,
        ["'retention.ms' is not of the form KEY=VALUE", "--set"],
    ),
    (["topic", "create", "x", "--assignment", "1:a"], 2, ["'1:a' is not an assignment", "1:2,2:3"]),
    (["topic", "create", "x", "--assignment", "1", "-p", "2"], 2, ["--assignment says already"]),
    (["topic", "alter", "x"], 2, ["nothing to change", "--partitions"]),
    (["topic", "drop", "x"], 2, ["No such command 'drop'"]),
    (["produce", "x", "v", "--file", "f"], 2, ["both values and --file"]),
    (["produce", "x", "--key-separator", ""], 2, ["must not be empty"]),
    (["produce", "x", "--key-separator", ":", "--key", "k"], 2, ["goes with lines and without --key"]),
    (["produce", "x", "v", "--header", "=v"], 2, ["a header needs a name"]),
    (["produce", "x", "v", "--timestamp", "noon"], 2, ["'noon' is not a position", "--timestamp"]),
    (["produce", "x", "v", "--key", "zz", "--key-format", "hex"], 2, ["'zz' is no hex", "--key"]),
    (["produce", "x", "v", "--acks", "2"], 2, ["--acks", "'0', '1', 'all'"]),
    (["produce", "x", "v", "--compression", "zip"], 2, ["--compression"]),
    (["consume", "x", "--json", "--raw"], 2, ["the output can have one form only"]),
    (["consume", "x", "--format", "{nothing}"], 2, ["a record has no {nothing}", "{key}"]),
    (["consume", "x", "--format", "{key"], 2, ["the template is broken"]),
    (["consume", "x", "--from", "then"], 2, ["'then' is not a position", "earliest"]),
    (["consume", "x", "--count", "0"], 2, ["--count"]),
    (["consume", "x", "--group", "g", "--from", "7"], 2, ["ottla group reset g --to 7"]),
    (["consume", "x", "--group", "g", "--to", "7"], 2, ["a group decides itself"]),
    (
        ["consume", "x", "--output", "/no/such/dir/file", "--group", "g"],
        2,
        ["cannot be written", "/no/such/dir/file"],
    ),
    (["group", "reset", "g"], 2, ["where to?", "--to POSITION or --shift N"]),
    (["group", "reset", "g", "--to", "1", "--shift", "1"], 2, ["where to?"]),
    (["group", "reset", "g", "--to", "1", "--topic", "t:x"], 2, ["'t:x' names no topic and partitions"]),
    (["config", "set", "thing", "x", "a=b"], 2, ["'thing' is not one of"]),
    (["config", "set", "topic", "x", "ab"], 2, ["'ab' is not of the form KEY=VALUE"]),
    (
        ["config", "set", "broker", "all", "a=b", "-X", "security.protocol=tls"],
        2,
        ["security.protocol: 'tls' is none of plaintext, ssl", "librdkafka's"],
    ),
    (["log", "dump", "/no/such/path"], 2, ["there is no such file or directory", "/no/such/path"]),
    (["log", "dump", __file__], 2, ["no file of a Kafka log directory"]),
    (["log", "dump", ".", "--from", "5", "--to", "4"], 2, ["--to 4 is before --from 5"]),
    (
        ["cluster", "export", "/no/such/path"],
        1,
        ["/no/such/path is no metadata directory", "ottla up --data"],
    ),
    (["cluster", "import", "/no/such/file", "/tmp"], 1, ["there is no such file", "ottla cluster export"]),
    (["cluster", "import", __file__, "{tmp}"], 1, ["line 1 is not a line of an export"]),
    (["cluster", "export", "a", "--output", "b", "--to", "c"], 2, ["both --output and --to"]),
    (["up", "--set", "nonsense"], 2, ["'nonsense' is not of the form KEY=VALUE"]),
    (["up", "--data", "/proc/nothing"], 1, ["the data directory cannot be made", "--data DIR"]),
    (["up", "--port-offset", "90000"], 2, ["--port-offset"]),
    (["broker", "--sets", "a=b"], 2, ["--sets is no option of a broker", "server.properties"]),
    (["broker", "--set"], 2, ["--set has no value"]),
    (["broker", "a", "b"], 2, ["two files of settings, a and b"]),
    (["broker", "--set", "ab"], 1, ["--set ab: has to be NAME=VALUE"]),
    (["broker", "/no/such.properties"], 1, ["/no/such.properties: No such file"]),
    (
        ["broker", "--set", "log.retention.ms=soon", "--set", "num.partitions=0"],
        1,
        ["log.retention.ms=soon (--set)", "num.partitions=0 (--set)"],
    ),
    (["doctor", "--config", "/no/such.properties"], 1, ["FAULT", "No such file"]),
    (["doctor", "localhost:x"], 2, ["'x' is not a port"]),
    (["bench", "--records", "0"], 2, ["--records"]),
    (["nonsense"], 2, ["No such command 'nonsense'"]),
]


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    ROWS,
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_wrong_input_is_answered_with_what_where_and_what_to_do(
    words: list[str],
    exit_code: int,
    said: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: object,
) -> None:
    """No traceback, one exit code, and a message that helps."""
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    assert main([word.replace("{tmp}", str(tmp_path)) for word in words]) == exit_code
    captured = capsys.readouterr()
    printed = captured.err if exit_code != 1 or words[0] != "doctor" else captured.out
    for part in said:
        assert part in printed
    assert "Traceback" not in printed


def test_with_json_an_error_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A script reads the same four things."""
    assert main(["topic", "list", "--json", *NOWHERE]) == 3
    error = json.loads(capsys.readouterr().err)
    assert error["exit_code"] == 3
    assert error["error"] == "no broker can be reached"
    assert "127.0.0.1:1" in error["where"]
    assert "ottla up" in error["remedy"]
