"""The state that follows from the records of `_schemas`, without Kafka: what either registry could have written."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.registry import records
from ottla.registry.content import SchemaContent
from ottla.registry.modes import Mode
from ottla.registry.records import MalformedRecordError, StoredSchema, decode
from ottla.registry.schemas.schema import Reference, SchemaType
from ottla.registry.state import RegistryState
from ottla.registry.subjects import context_of, qualified

STRING = '"string"'


def key(keytype: str, **fields: object) -> bytes:
    return json.dumps({"keytype": keytype, **fields}, separators=(",", ":")).encode()


def schema_key(subject: str, version: int) -> bytes:
    return key("SCHEMA", subject=subject, version=version, magic=1)


def value(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def schema_value(subject: str, version: int, schema_id: int, text: str = STRING, **fields: object) -> bytes:
    return value(subject=subject, version=version, id=schema_id, schema=text, **fields)


def replayed(*pairs: tuple[bytes, bytes | None]) -> RegistryState:
    state = RegistryState()
    for each_key, each_value in pairs:
        state.apply(decode(each_key, each_value), each_key)
    return state


def test_keys_are_the_originals_to_the_byte() -> None:
    """Compaction compares bytes: with other ones, both registries' records would stay side by side."""
    assert records.schema_key("s", 1) == b'{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}'
    assert records.subject_key("CONFIG", None) == b'{"keytype":"CONFIG","subject":null,"magic":0}'
    assert records.subject_key("MODE", "s") == b'{"keytype":"MODE","subject":"s","magic":0}'
    assert records.NOOP_KEY == b'{"keytype":"NOOP","magic":0}'


def test_what_is_written_is_read_again() -> None:
    """References, metadata and rules included, and the hash as the original writes it."""
    content = SchemaContent(
        SchemaType.JSON,
        '{"type":"string"}',
        (Reference("r", "other", 2),),
        records.Metadata.from_json({"properties": {"b": "2", "a": "1"}, "sensitive": ["b"]}),
        records.RuleSet.from_json(
            {"domainRules": [{"name": "r1", "type": "CEL", "expr": "true", "mode": "WRITE"}]}
        ),
    )
    written = records.schema_value(StoredSchema("s", 3, 7, content, deleted=True))
    assert list(json.loads(written)) == [
        "subject", "version", "id", "md5", "schemaType", "references", "metadata", "ruleSet", "schema", "deleted",
    ]  # fmt: skip
    state = replayed((records.schema_key("s", 3), written))
    found = state.version("s", 3, deleted=True)
    assert found is not None
    assert found.as_json() == StoredSchema("s", 3, 7, content, deleted=True).as_json()
    assert state.version("s", 3) is None


def test_a_soft_deletion_keeps_the_id_and_a_tombstone_ends_it() -> None:
    """Of one version, and of all up to a number."""
    base = [
        (schema_key("s", n), schema_value("s", n, n, f'"{kind}"')) for n, kind in ((1, "int"), (2, "long"))
    ]
    state = replayed(*base, (key("DELETE_SUBJECT", subject="s", magic=0), value(subject="s", version=2)))
    assert state.latest("s") is None
    assert [each.version for each in state.versions("s", deleted=True)] == [1, 2]
    assert state.with_id(".", 2)[0].content.text == '"long"'
    state = replayed(*base, (schema_key("s", 2), None))
    assert [each.version for each in state.versions("s", deleted=True)] == [1]
    assert state.with_id(".", 2) == ()


def test_an_empty_value_is_a_tombstone_too() -> None:
    """As Karapace writes it."""
    state = replayed((schema_key("s", 1), schema_value("s", 1, 1)), (schema_key("s", 1), b""))
    assert not state.has_subjects("s", deleted=True)


def test_the_highest_id_outlives_its_schema() -> None:
    """A NOOP remembers it when compaction has left nothing else of it."""
    state = replayed((records.NOOP_KEY, records.noop_value({".": 41})))
    assert state.highest_id(".") == 41
    assert state.vouches_for(".", 41)
    assert not state.vouches_for(".", 42)


def test_the_same_text_in_two_languages_is_two_schemas() -> None:
    """Each with its id, though their hashes are equal."""
    text = '{"type":"string"}'
    state = replayed(
        (schema_key("a", 1), schema_value("a", 1, 1, text)),
        (schema_key("j", 1), schema_value("j", 1, 2, text, schemaType="JSON")),
    )
    assert state.id_of(".", SchemaContent(SchemaType.AVRO, text)) == 1
    assert state.id_of(".", SchemaContent(SchemaType.JSON, text)) == 2


def test_contexts_have_ids_of_their_own() -> None:
    """And a subject without context is found in others by its id."""
    state = replayed(
        (schema_key("s", 1), schema_value("s", 1, 1)),
        (schema_key(":.c:t", 1), schema_value(":.c:t", 1, 1, '"long"')),
    )
    assert state.context_names() == [".c"]
    assert [each.content.text for each in state.find_id(1, None)] == [STRING]
    assert [each.content.text for each in state.find_id(1, ":.c:")] == ['"long"']
    assert [each.content.text for each in state.find_id(1, "t")] == ['"long"']
    assert state.names_with_prefix(":*:t") == [":.c:t"]
    assert state.names_with_prefix(":.c:") == [":.c:t"]


def test_settings_come_from_the_narrowest_scope_that_has_them() -> None:
    """Subject, context, everything; the key with which one was written is used again."""
    odd_key = b'{"magic":0,"subject":null,"keytype":"CONFIG"}'
    state = replayed(
        (odd_key, value(compatibilityLevel="FULL")),
        (key("CONFIG", subject=":.c:", magic=0), value(subject=":.c:", compatibilityLevel="NONE")),
        (key("CONFIG", subject=":.c:s", magic=0), value(subject=":.c:s", normalize=True)),
        (key("MODE", subject=":.c:", magic=0), value(subject=":.c:", mode="READONLY")),
    )
    assert state.config_in_scope("s").level == "FULL"
    assert state.config_in_scope(":.c:s").level == "NONE"
    assert state.config_in_scope(":.c:s").normalize
    assert state.mode_in_scope(":.c:s") is Mode.READONLY
    assert state.mode_in_scope("s") is Mode.READWRITE
    assert state.key_of("CONFIG", None) == odd_key
    assert state.key_of("CONFIG", "s") == records.subject_key("CONFIG", "s")


def test_references_hold_what_they_refer_to_until_they_are_deleted() -> None:
    """By the id of the schema that refers."""
    references = [{"name": "r", "subject": "base", "version": 1}]
    base = (
        (schema_key("base", 1), schema_value("base", 1, 1)),
        (schema_key("s", 1), schema_value("s", 1, 2, '"int"', references=references)),
    )
    assert replayed(*base).referencing("base", 1) == [2]
    deleted = schema_value("s", 1, 2, '"int"', references=references, deleted=True)
    assert replayed(*base, (schema_key("s", 1), deleted)).referencing("base", 1) == []


def test_an_id_given_twice_is_the_first_ones() -> None:
    """Whoever wrote the second learns of it; nobody is ever told the id for it."""
    state = replayed((schema_key("a", 1), schema_value("a", 1, 5)))
    conflict = state.apply(decode(schema_key("b", 1), schema_value("b", 1, 5, '"long"')))
    assert conflict is not None
    assert conflict.earlier is None
    assert state.with_id(".", 5)[0].content.text == STRING
    again = state.apply(decode(schema_key("a", 1), schema_value("a", 1, 6, '"int"')))
    assert again is not None
    assert again.earlier is not None
    assert again.earlier.id == 5


@pytest.mark.parametrize(
    ("bad_key", "bad_value"),
    [
        (b"", b""),
        (b"no json", b"{}"),
        (b"[]", b"{}"),
        (key("ASSOC", tenant="default", magic=0), b"{}"),
        (schema_key("s", 1), b'{"subject":"s","version":1}'),
        (schema_key("s", 1), b'{"subject":"s","version":1,"id":"x","schema":""}'),
        (key("SCHEMA", subject="s", magic=1), b"{}"),
        (key("MODE", subject="s", magic=0), b'{"mode":"SOME"}'),
        (b'{"keytype":"NOOP","magic":' + b"[" * 5000, None),
    ],
)
def test_records_of_other_kinds_are_passed_over(bad_key: bytes, bad_value: bytes) -> None:
    """They stay in the topic; the registry starts all the same."""
    with pytest.raises(MalformedRecordError):
        decode(bad_key, bad_value)


@given(st.binary(max_size=60), st.binary(max_size=60) | st.none())
def test_any_bytes_are_a_record_or_malformed(any_key: bytes, any_value: bytes | None) -> None:
    """Nothing else is raised."""
    with suppress(MalformedRecordError):
        decode(any_key, any_value)


SUBJECTS = st.sampled_from(["a", "b", ":.c:a"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("schema"), SUBJECTS, st.integers(1, 4), st.integers(1, 5), st.booleans()),
        st.tuples(st.just("tombstone"), SUBJECTS, st.integers(1, 4)),
        st.tuples(st.just("delete"), SUBJECTS, st.integers(0, 4)),
    ),
    max_size=30,
)


def as_pair(step: tuple[object, ...]) -> tuple[bytes, bytes | None]:
    match step:
        case ("schema", str(subject), int(version), int(schema_id), bool(deleted)):
            text = json.dumps({"type": "fixed", "name": f"F{schema_id}", "size": schema_id})
            return schema_key(subject, version), schema_value(
                subject, version, schema_id, text, deleted=deleted
            )
        case ("tombstone", str(subject), int(version)):
            return schema_key(subject, version), None
        case _:
            _, subject, version = step
            return key("DELETE_SUBJECT", subject=subject, magic=0), value(subject=subject, version=version)


@given(STEPS)
def test_whatever_the_order_of_records_the_lookups_agree(steps: list[tuple[object, ...]]) -> None:
    """Each version is found by its id and its content, nothing is found that is no version, no id goes back."""
    state = RegistryState()
    highest = {".": 0, ".c": 0}
    for step in steps:
        each_key, each_value = as_pair(step)
        state.apply(decode(each_key, each_value), each_key)
        for context, before in list(highest.items()):
            assert state.highest_id(context) >= before
            highest[context] = state.highest_id(context)
    everything = {name: state.versions(name, deleted=True) for name in state.subject_names()}
    for name, versions in everything.items():
        assert [each.version for each in versions] == sorted(each.version for each in versions)
        for schema in versions:
            context = ".c" if name.startswith(":.c:") else "."
            assert schema in state.with_id(context, schema.id)
            assert state.id_of(context, schema.content) == schema.id
    for context in highest:
        for schema_id in range(1, 6):
            for schema in state.with_id(context, schema_id):
                assert schema in everything[schema.subject]


@given(STEPS, st.sampled_from([None, "a", "b", "c", ":.c:a", ":.c:b", ":.c:", ":.d:a"]), st.integers(1, 5))
def test_what_is_found_quickly_is_what_a_search_finds(
    steps: list[tuple[object, ...]], subject: str | None, schema_id: int
) -> None:
    """By id and subject, by prefix, by what is deleted: the definition is a walk through everything."""
    state = RegistryState()
    for step in steps:
        each_key, each_value = as_pair(step)
        state.apply(decode(each_key, each_value), each_key)
        assert state.subject_names() == sorted(state.subject_names())
    everything = {name: state.versions(name, deleted=True) for name in state.subject_names()}
    live = [name for name in everything if not all(each.deleted for each in everything[name])]
    assert state.live_among(state.subject_names()) == live
    for prefix in ("", "a", ":.", ":.c:", ":.c:a", ":.:", ":.:a", ":*:", ":*:a", "z"):
        assert state.names_with_prefix(prefix) == [name for name in everything if begins(name, prefix)], (
            prefix
        )
    for name, versions in everything.items():
        assert state.last_version(name) == versions[-1].version
        assert state.has_subjects(name) == (name in live)
        own = [each for each in versions if each.id == schema_id]
        assert set(state.versions_with_id(name, schema_id)) == set(own)
        found = state.under_subject(name, schema_id)
        assert (found is None) == (not own)
        assert found is None or found in own
        assert found is None or found.deleted == all(each.deleted for each in own)
    holders = state.find_id(schema_id, subject)
    first = state.found_by_id(schema_id, subject)
    assert first is (holders[0] if holders else None)
    assert set(holders) == set(expected_holders(everything, schema_id, subject))


def begins(name: str, prefix: str) -> bool:
    """Whether a subject is listed by a prefix."""
    if prefix.startswith(":*:"):
        return qualified(name).name.startswith(prefix[3:])
    if prefix.startswith(":.:"):
        return not name.startswith(":.") and name.startswith(prefix[3:])
    return name.startswith(prefix)


def expected_holders(
    everything: dict[str, list[StoredSchema]], schema_id: int, subject: str | None
) -> list[StoredSchema]:
    """All versions of an id in the context where a subject finds it."""
    place = qualified(subject or "")
    by_context: dict[str, list[StoredSchema]] = {}
    for name, versions in everything.items():
        by_context.setdefault(context_of(name), []).extend(each for each in versions if each.id == schema_id)
    here = by_context.get(place.context, [])
    if not place.name:
        return here
    contexts = [place.context] if place.context != "." else sorted(by_context)
    for context in contexts:
        if any(qualified(each.subject).name == place.name for each in by_context.get(context, [])):
            return by_context[context]
    return here if place.context == "." else []
