"""Where settings come from: properties files as Java reads them, the environment as Apache's image does, arguments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.config.sources import (
    SourceError,
    from_arguments,
    from_environment,
    parse_properties,
    read_properties_file,
    setting_of_variable,
)

JAVA = [
    json.loads(line) for line in (Path(__file__).parent / "java-properties.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize(("text", "read"), JAVA, ids=[repr(text) for text, _ in JAVA])
def test_a_file_reads_as_in_java(text: str, read: dict[str, str] | None) -> None:
    """Escapes, continuation lines, separators, comments: what java.util.Properties makes of it (PropertiesDump.java)."""
    if read is None:
        with pytest.raises(SourceError, match="four hexadecimal digits"):
            parse_properties(text, "file")
    else:
        assert {value.name: value.text for value in parse_properties(text, "file")} == read


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader fail in another way."""
    try:
        parse_properties(text, "file")
    except SourceError as error:
        assert "file, line" in str(error)


def test_a_value_remembers_its_line(tmp_path: Path) -> None:
    """The line is that on which the setting begins, counted with comments and continuations."""
    path = tmp_path / "server.properties"
    path.write_text("# mine\n\nlog.dirs=/a,\\\n  /b\nnum.partitions=3\n")
    given_values = read_properties_file(path)
    assert [(value.text, value.origin) for value in given_values] == [
        ("/a,/b", f"{path}, line 3"),
        ("3", f"{path}, line 5"),
    ]


def test_a_file_is_utf_8_or_else_latin_1(tmp_path: Path) -> None:
    """Both ways of writing a name with an umlaut are understood."""
    path = tmp_path / "server.properties"
    for encoding in ("utf-8", "iso-8859-1"):
        path.write_bytes("broker.rack=Zürich".encode(encoding))
        assert read_properties_file(path)[0].text == "Zürich"


def test_a_missing_file_is_told_by_name(tmp_path: Path) -> None:
    """The message names the file and what the system says of it."""
    with pytest.raises(SourceError, match=r"absent\.properties: No such file"):
        read_properties_file(tmp_path / "absent.properties")


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("KAFKA_LOG_RETENTION_MS", "log.retention.ms"),
        ("KAFKA_LISTENER_NAME_MY__LISTENER_MAX_CONNECTIONS", "listener.name.my_listener.max.connections"),
        ("KAFKA_LISTENER_NAME_SASL___SSL_PLAIN_X", "listener.name.sasl-ssl.plain.x"),
        ("KAFKA_OTTLA_VALIDATE_RECORDS", "ottla.validate.records"),
    ],
)
def test_a_variable_is_named_as_in_apache_s_image(variable: str, name: str) -> None:
    """One underscore is a dot, two are an underscore, three a dash."""
    assert setting_of_variable(variable) == name


def test_variables_for_the_jvm_and_for_others_are_passed_over() -> None:
    """`KAFKA_HEAP_OPTS` is no setting, `PATH` isn't ours; the rest comes with its name as the origin."""
    environment = {"KAFKA_HEAP_OPTS": "-Xmx1G", "PATH": "/bin", "KAFKA_NUM_PARTITIONS": "3"}
    (value,) = from_environment(environment)
    assert (value.name, value.text, value.origin) == (
        "num.partitions",
        "3",
        "environment KAFKA_NUM_PARTITIONS",
    )


def test_an_argument_is_a_name_and_a_value() -> None:
    """Only the first `=` divides; a value may be empty."""
    read = from_arguments(["a.b=c=d", "x="])
    assert [(value.name, value.text, value.origin) for value in read] == [
        ("a.b", "c=d", "--set"),
        ("x", "", "--set"),
    ]


@pytest.mark.parametrize("argument", ["log.dirs", "=x", " =x"])
def test_an_argument_without_a_name_or_value_is_refused(argument: str) -> None:
    """The message shows the argument and the form it has to have."""
    with pytest.raises(SourceError, match="has to be NAME=VALUE"):
        from_arguments([argument])


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ("-Djava.security.auth.login.config=/etc/kafka/jaas.conf", ["/etc/kafka/jaas.conf"]),
        (
            "-Xmx1G -Djava.security.auth.login.config=/first -Djava.security.auth.login.config=/last",
            ["/last"],
        ),
        ("-Djava.security.krb5.conf=/etc/krb5.conf", []),
        ("", []),
    ],
)
def test_where_users_stand_is_the_one_option_of_the_jvm_that_counts(options: str, files: list[str]) -> None:
    """Compose files for Apache's image tell it so."""
    found = from_environment({"KAFKA_OPTS": options})
    assert [(each.name, each.text) for each in found] == [("ottla.jaas.file", file) for file in files]
