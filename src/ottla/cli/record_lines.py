"""A record as one line of JSON: what `ottla consume --json` prints and `ottla produce --input json` reads.

    {"topic": "orders", "partition": 0, "offset": 7, "timestamp": 1790000000000, "timestamp_type": "create",
     "key": "42", "value": "pen", "headers": [["source", "web"]]}

A null key or value is null. Bytes that are no UTF-8 are {"base64": "…"}. Reading, headers may also be an object, and
everything but the value may be left out; topic, offset and timestamp_type are ignored, so that one topic's output is
another's input.
"""

import json

from ottla.cli.errors import UsageError
from ottla.cli.formats import Format, decode, encode
from ottla.cli.requests.records import Headers, IncomingRecord, OutgoingRecord

KNOWN = frozenset({"topic", "partition", "offset", "timestamp", "timestamp_type", "key", "value", "headers"})
REMEDY = 'a line looks like {"key": "42", "value": "pen", "headers": [["source", "web"]]}'


def record_object(record: IncomingRecord, key_format: Format, value_format: Format) -> dict[str, object]:
    """The record as a JSON object."""
    where = f"{record.topic}-{record.partition} offset {record.offset}"
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp_ms,
        "timestamp_type": "append" if record.is_log_append_time else "create",
        "key": decode(record.key, key_format, f"key of {where}"),
        "value": decode(record.value, value_format, f"value of {where}"),
        "headers": [[name, decode(value, Format.STRING, where)] for name, value in record.headers],
    }


def parse_record_line(
    text: str, defaults: OutgoingRecord, key_format: Format, value_format: Format, where: str
) -> OutgoingRecord:
    """The record that a line describes; what it leaves out is taken from `defaults`."""
    fields = _parse_object(text, where)
    unknown = sorted(set(fields) - KNOWN)
    if unknown:
        raise UsageError(f"a record has no field {unknown[0]!r}", where=where, remedy=REMEDY)
    if "value" not in fields:
        raise UsageError("the record has no value", where=where, remedy=f"{REMEDY}; null is a value too")
    return OutgoingRecord(
        value=encode(fields["value"], value_format, where),
        key=encode(fields["key"], key_format, where) if "key" in fields else defaults.key,
        headers=_headers(fields["headers"], where) if "headers" in fields else defaults.headers,
        partition=_integer(fields, "partition", where) if defaults.partition is None else defaults.partition,
        timestamp_ms=_integer(fields, "timestamp", where)
        if defaults.timestamp_ms is None
        else defaults.timestamp_ms,
    )


def _parse_object(text: str, where: str) -> dict[str, object]:
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise UsageError(f"not JSON: {error}", where=where, remedy=REMEDY) from None
    if not isinstance(fields, dict):
        raise UsageError("a record is a JSON object", where=where, remedy=REMEDY)
    return fields


def _integer(fields: dict[str, object], name: str, where: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(f"{name} must be a whole number, not {value!r}", where=where, remedy=REMEDY)
    return value


def _headers(value: object, where: str) -> Headers:
    pairs = list(value.items()) if isinstance(value, dict) else value
    if not isinstance(pairs, list):
        raise UsageError("headers must be pairs or an object", where=where, remedy=REMEDY)
    headers: list[tuple[str, bytes | None]] = []
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            raise UsageError(f"{pair!r} is no pair of name and value", where=where, remedy=REMEDY)
        headers.append((pair[0], encode(pair[1], Format.STRING, where)))
    return tuple(headers)
