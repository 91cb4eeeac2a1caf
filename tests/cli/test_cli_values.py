"""Values as people type and read them: formats, positions, addresses, record lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.cli.addresses import Address, parse_addresses
from ottla.cli.commands.consume import parse_template, renderer
from ottla.cli.errors import UsageError
from ottla.cli.formats import Format, decode, decode_text, encode
from ottla.cli.output import size_text, timestamp_text
from ottla.cli.positions import EARLIEST, LATEST, Position, PositionKind, parse_position
from ottla.cli.record_lines import parse_record_line, record_object
from ottla.cli.requests.records import IncomingRecord, OutgoingRecord

NOW_MS = 1_790_000_000_000

POSITIONS = [
    ("earliest", EARLIEST),
    ("Beginning", EARLIEST),
    ("latest", LATEST),
    ("end", LATEST),
    ("0", Position(PositionKind.OFFSET, 0)),
    ("42", Position(PositionKind.OFFSET, 42)),
    ("-10", Position(PositionKind.BEFORE_END, 10)),
    ("@1500000000000", Position(PositionKind.TIMESTAMP, 1_500_000_000_000)),
    ("1970-01-02", Position(PositionKind.TIMESTAMP, 86_400_000)),
    ("1970-01-01T00:00:01.5Z", Position(PositionKind.TIMESTAMP, 1500)),
    ("1970-01-01T01:00:00+01:00", Position(PositionKind.TIMESTAMP, 0)),
    ("90s", Position(PositionKind.TIMESTAMP, NOW_MS - 90_000)),
    ("5m", Position(PositionKind.TIMESTAMP, NOW_MS - 300_000)),
    ("36h", Position(PositionKind.TIMESTAMP, NOW_MS - 36 * 3_600_000)),
    ("7d", Position(PositionKind.TIMESTAMP, NOW_MS - 7 * 86_400_000)),
]


@pytest.mark.parametrize(("text", "position"), POSITIONS)
def test_positions(text: str, position: Position) -> None:
    """Every form that help promises."""
    assert parse_position(text, "--from", lambda: NOW_MS) == position


@given(st.text(max_size=12))
def test_any_other_text_is_refused_as_no_position(text: str) -> None:
    """Whatever is typed is a position or a usage error, nothing else."""
    try:
        position = parse_position(text, "--from", lambda: NOW_MS)
    except UsageError as error:
        assert error.where == "--from"
    else:
        assert isinstance(position.number, int)


ADDRESSES = [
    ("localhost", (Address("localhost", 9092),)),
    ("a:1,b:2", (Address("a", 1), Address("b", 2))),
    ("[::1]:9093", (Address("::1", 9093),)),
    ("[::1]", (Address("::1", 9092),)),
    ("PLAINTEXT://kafka:9092", (Address("kafka", 9092),)),
]


@pytest.mark.parametrize(("text", "addresses"), ADDRESSES)
def test_addresses(text: str, addresses: tuple[Address, ...]) -> None:
    """Host and port, several of them, IPv6, and what is copied from a broker's settings."""
    assert parse_addresses(text) == addresses
    assert parse_addresses(",".join(map(str, addresses))) == addresses


FORMATS = [
    ("pen", Format.STRING, b"pen", "pen"),
    ('{"a": 1}', Format.JSON, b'{"a":1}', {"a": 1}),
    ("0aff", Format.HEX, b"\x0a\xff", "0aff"),
    ("Cv8=", Format.BASE64, b"\x0a\xff", "Cv8="),
    ("-2", Format.SHORT, b"\xff\xfe", -2),
    ("7", Format.INTEGER, b"\0\0\0\7", 7),
    ("7", Format.LONG, b"\0\0\0\0\0\0\0\7", 7),
    ("1.5", Format.FLOAT, b"\x3f\xc0\0\0", 1.5),
    ("1.5", Format.DOUBLE, b"\x3f\xf8\0\0\0\0\0\0", 1.5),
]


@pytest.mark.parametrize(("text", "form", "stored", "value"), FORMATS)
def test_formats(text: str, form: Format, stored: bytes, value: object) -> None:
    """Text to bytes as Kafka's own serializers write them, and bytes to what JSON shows."""
    assert encode(text, form, "here") == stored
    assert decode(stored, form, "here") == value
    assert encode(value, form, "here") == stored


@pytest.mark.parametrize("form", list(Format))
def test_null_is_null_in_every_format(form: Format) -> None:
    """A tombstone has no format."""
    assert encode(None, form, "here") is None
    assert decode(None, form, "here") is None
    assert decode_text(None, form, "here") == "null"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("ten", Format.LONG),
        ("40000", Format.SHORT),
        ("{", Format.JSON),
        ("0", Format.HEX),
        ("?", Format.BASE64),
    ],
)
def test_what_is_not_of_its_format_is_refused(text: str, form: Format) -> None:
    """With the place it came from."""
    with pytest.raises(UsageError) as refused:
        encode(text, form, "line 7")
    assert refused.value.where == "line 7"
    assert form.value in refused.value.what


def test_bytes_of_the_wrong_size_are_no_number() -> None:
    """Three bytes are no integer, and the message says where they lie."""
    with pytest.raises(UsageError, match="3 bytes, not 4"):
        decode(b"abc", Format.INTEGER, "value of t-0 offset 5")


bytes_or_null = st.none() | st.binary(max_size=20)


@given(
    st.builds(
        IncomingRecord,
        topic=st.just("t"),
        partition=st.integers(0, 9),
        offset=st.integers(0, 2**40),
        timestamp_ms=st.integers(1, 2**41),
        is_log_append_time=st.booleans(),
        key=bytes_or_null,
        value=bytes_or_null,
        headers=st.lists(st.tuples(st.text(max_size=5), bytes_or_null), max_size=3).map(tuple),
    ),
    st.sampled_from([Format.STRING, Format.HEX, Format.BASE64]),
)
def test_what_consume_prints_produce_reads_byte_for_byte(record: IncomingRecord, form: Format) -> None:
    """Any key, value and headers, UTF-8 or not, go through a line of JSON unharmed."""
    line = json.dumps(record_object(record, form, form), ensure_ascii=False)
    again = parse_record_line(line, OutgoingRecord(None), form, form, "here")
    assert (again.key, again.value, again.headers) == (record.key, record.value, record.headers)
    assert (again.partition, again.timestamp_ms) == (record.partition, record.timestamp_ms)


def test_options_go_before_what_a_line_says_of_partition_and_timestamp() -> None:
    """`--partition` and `--timestamp` are for every record; key and headers in the line go before the options."""
    defaults = OutgoingRecord(None, key=b"k", headers=(("a", b"b"),), partition=3, timestamp_ms=5)
    line = '{"value": "v", "key": "own", "partition": 1, "timestamp": 2, "headers": {"x": null}}'
    assert parse_record_line(line, defaults, Format.STRING, Format.STRING, "here") == OutgoingRecord(
        b"v", b"own", (("x", None),), 3, 5
    )
    assert parse_record_line(
        '{"value": null}', defaults, Format.STRING, Format.STRING, "here"
    ) == OutgoingRecord(None, b"k", (("a", b"b"),), 3, 5)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("[]", "a record is a JSON object"),
        ("{", "not JSON"),
        ("{}", "the record has no value"),
        ('{"value": 1, "colour": 2}', "no field 'colour'"),
        ('{"value": 1, "partition": "a"}', "partition must be a whole number"),
        ('{"value": 1, "timestamp": -1}', "timestamp must be a whole number"),
        ('{"value": 1, "headers": 5}', "headers must be pairs"),
        ('{"value": 1, "headers": [["a"]]}', "no pair of name and value"),
    ],
)
def test_a_line_that_is_no_record_is_named(line: str, complaint: str) -> None:
    """What is wrong with it, where it stands, and what a right one looks like."""
    with pytest.raises(UsageError, match=complaint) as refused:
        parse_record_line(line, OutgoingRecord(None), Format.STRING, Format.STRING, "standard input line 3")
    assert refused.value.where == "standard input line 3"


def test_templates_fill_in_fields_and_keep_braces() -> None:
    """`{{` and `}}` are braces, \\t a tab."""
    record = IncomingRecord("t", 1, 7, None, False, b"k", b"\xff", ())
    assert renderer("{{{key}}}\\t{value}@{offset}", Format.STRING, Format.STRING)(record) == b"{k}\t\\xff@7\n"
    assert parse_template("plain") == [(True, "plain")]


def test_sizes_and_times() -> None:
    """With units; a time that no calendar has is shown as the number it is."""
    assert [size_text(size) for size in (0, 1023, 1024, 5 * 1024**3)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 GiB",
    ]
    assert timestamp_text(0) == "1970-01-01T00:00:00.000Z"
    assert timestamp_text(2**62) == f"{2**62} ms"
    assert timestamp_text(None) is None
