"""Bodies of requests: read as JSON is read, whatever their length, and never so that all else has to wait."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.registry.errors import RegistryError
from ottla.registry.rest import bodies
from ottla.registry.rest.bodies import read_object
from registries import RegistryProcess, record

LONG = "x" * bodies.LARGE_BODY_BYTES

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(st.text(), values, max_size=6),
    st.sampled_from([None, 0, 2]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-le"]),
)
def test_a_large_body_is_read_like_a_short_one(
    members: dict[str, object], indent: int | None, encoding: str
) -> None:
    """Whatever else is in it, however it is laid out and encoded."""
    body = json.dumps({**members, "schema": LONG}, indent=indent, ensure_ascii=False)
    encoded = body.encode(encoding, "surrogatepass")
    assert read_object(encoded) == json.loads(encoded)


@given(
    st.text(
        st.sampled_from(["a", "ä", "€", "😀", '"', "\\", "\n", "u", "d", "8", "3", "\ud83d", "\ude00"]),
        max_size=40,
    ),
    st.integers(12, 24),
    st.booleans(),
)
def test_a_string_is_read_in_pieces_as_it_is_in_one(text: str, piece: int, in_ascii: bool) -> None:
    """Wherever a piece ends: within an escape, a pair of them, after a backslash that is escaped."""
    body = json.dumps({"schema": text}, ensure_ascii=in_ascii).encode("utf-8", "surrogatepass")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bodies, "PIECE_CHARACTERS", piece)
        patched.setattr(bodies, "LARGE_BODY_BYTES", 0)
        assert read_object(body) == json.loads(body)


@pytest.mark.parametrize("end", ["\\x", "\\u12", "\\ud83", "\\", "\n"])
def test_a_string_that_is_wrong_in_its_last_piece_is_refused(end: str) -> None:
    """As in any other."""
    with pytest.raises(RegistryError) as refused:
        read_object(f'{{"schema": "{LONG}{end}"}}'.encode())
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("start", "end", "status"),
    [
        ('{"schema": "', '"', 400),
        ('{"schema": "', '",', 400),
        ('{"schema": "', '",}', 400),
        ('{"schema": "', '" "a": 1}', 400),
        ('{"schema" "', '"}', 400),
        ('{1: "', '"}', 400),
        ('{"schema": "', '"} x', 400),
        ('{"a": [1, "schema": "', '"}', 400),
        ('["', '"]', 422),
        ('"', '"', 422),
        ('{"schema": "', '"}', 200),
        (' {"schema": "', '"} \n', 200),
    ],
)
def test_a_large_body_that_is_wrong_is_told_so(start: str, end: str, status: int) -> None:
    """400 for what is no JSON, 422 for no object."""
    body = (start + LONG + end).encode()
    if status == 200:
        assert read_object(body) == {"schema": LONG}
        return
    with pytest.raises(RegistryError) as refused:
        read_object(body)
    assert refused.value.status == status


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": [' + b"[]," * 2_000_000 + b"[]]}",
        b'{"a": {' + b'"a":1,' * 1_000_000 + b'"a":1}}',
        b"{" + b'"a":1,' * 1_000_000 + b'"a":1}',
        b'{"a": ' + b"1" * 2_000_000 + b"}",
    ],
    ids=["lists", "members of a member", "members", "digits"],
)
def test_a_large_body_that_is_not_mostly_text_is_refused(body: bytes) -> None:
    """413, before it has cost what it would cost to read it."""
    with pytest.raises(RegistryError) as refused:
        read_object(body)
    assert refused.value.status == 413


def test_a_large_body_nested_deep_is_no_json() -> None:
    """As a short one is."""
    with pytest.raises(RegistryError) as refused:
        read_object(b'{"schema": "' + LONG.encode() + b'", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert refused.value.status == 400


def test_large_bodies_come_compressed_too(registry: RegistryProcess, subject: str) -> None:
    """And what is no gzip is 400, what is too long once it is unzipped 413."""
    text = record("R", *((f"f{number}", "int") for number in range(8_000)))
    body = json.dumps({"schema": text}).encode()
    assert len(body) > bodies.LARGE_BODY_BYTES
    path, zipped = f"/subjects/{subject}/versions", {"Content-Encoding": "gzip"}
    sent = registry.ask("POST", path, gzip.compress(body), zipped)
    assert sent.status == 200
    assert registry.post(path, {"schema": text}).body["id"] == sent.body["id"]
    assert registry.ask("POST", path, body, zipped).status == 400
    assert registry.ask("POST", path, gzip.compress(b" " * (21 * 1024 * 1024)), zipped).status == 413
    told = registry.get(f"/schemas/ids/{sent.body['id']}", **{"Accept-Encoding": "gzip"})
    assert json.loads(gzip.decompress(told.content))["schema"] == json.dumps(
        json.loads(text), separators=(",", ":")
    )
