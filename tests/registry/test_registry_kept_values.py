"""What is computed once and what is kept: bounded, and nobody waits for another's."""

from __future__ import annotations

import threading

import pytest

from in_process_registry import store
from ottla.registry import encoded_answers
from ottla.registry.content import SchemaContent
from ottla.registry.encoded_answers import EncodedAnswers
from ottla.registry.records import StoredSchema
from ottla.registry.schemas.computed_once import computed_once
from ottla.registry.schemas.schema import SchemaType
from ottla.registry.state import RegistryState
from registries import RegistryProcess


class Computed:
    """Something whose value takes until it is let go on."""

    def __init__(self, go_on: threading.Event) -> None:
        self.go_on = go_on
        self.times = 0

    @computed_once
    def value(self) -> int:
        """How often it was computed."""
        assert self.go_on.wait(60)
        self.times += 1
        return self.times


def test_a_value_is_computed_once() -> None:
    """And belongs to its instance; the class has the descriptor, with its documentation."""
    computed = Computed(threading.Event())
    computed.go_on.set()
    assert [computed.value, computed.value, computed.times] == [1, 1, 1]
    assert Computed.value.__doc__ == "How often it was computed."


def test_nobody_waits_for_the_value_of_another_instance() -> None:
    """As they would for `functools.cached_property` of Python 3.11."""
    slow, quick = Computed(threading.Event()), Computed(threading.Event())
    quick.go_on.set()
    thread = threading.Thread(target=lambda: slow.value)
    thread.start()
    assert quick.value == 1
    assert thread.is_alive()
    slow.go_on.set()
    thread.join(60)
    assert slow.value == 1


def stored(number: int) -> StoredSchema:
    return StoredSchema(f"s{number}", 1, number, SchemaContent(SchemaType.AVRO, '"string"'))


def test_answers_are_kept_up_to_a_number_and_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those made last; none where the setting is 0."""
    made: list[str] = []

    def ask(answers: EncodedAnswers, schema: StoredSchema, size: int = 1) -> bytes:
        def encode() -> bytes:
            made.append(schema.subject)
            return b"x" * size

        return answers.of(schema, "told", encode)

    schemas = [stored(number) for number in range(4)]
    three = EncodedAnswers(3)
    for number in (0, 1, 2, 0, 3, 3, 0):
        ask(three, schemas[number])
    assert made == ["s0", "s1", "s2", "s3", "s0"]

    made.clear()
    monkeypatch.setattr(encoded_answers, "MAX_KEPT_BYTES", 10)
    small = EncodedAnswers(3)
    for number in (0, 1, 0, 1):
        assert len(ask(small, schemas[number], 6)) == 6
    assert len(ask(small, schemas[2], 11)) == 11
    assert made == ["s0", "s1", "s0", "s1", "s2"]

    made.clear()
    none = EncodedAnswers(0)
    ask(none, schemas[0])
    ask(none, schemas[0])
    assert made == ["s0", "s0"]


def test_a_version_that_took_anothers_place_is_told_as_it_is_now() -> None:
    """Its record is another, and so is what is kept of it."""
    state = RegistryState()
    answers = EncodedAnswers(10)

    def told() -> bytes:
        schema = state.found_by_id(1, None)
        assert schema is not None
        return answers.of(schema, "told", schema.content.text.encode)

    store(state, StoredSchema("s", 1, 1, SchemaContent(SchemaType.AVRO, '"string"')))
    assert told() == b'"string"'
    store(state, StoredSchema("s", 1, 1, SchemaContent(SchemaType.AVRO, '"int"')))
    assert told() == b'"int"'


def test_what_is_kept_follows_what_is_written(registry: RegistryProcess, subject: str) -> None:
    """An answer by id is the same whoever asked before, and a deleted version's place isn't told for a live one."""
    other = f"{subject}-other"
    schema_id = registry.register(subject, '{"type":"fixed","name":"F","size":7331}')
    path = f"/schemas/ids/{schema_id}"
    plain, placed = registry.get(path).body, registry.get(f"{path}?subject={subject}").body
    assert "subject" not in plain
    assert (placed["subject"], placed["version"]) == (subject, 1)
    assert registry.get(f"{path}?fetchMaxId=false&subject={subject}").body == placed
    assert registry.get(f"{path}?fetchMaxId=true").body["maxId"] >= schema_id
    assert registry.register(other, '{"type":"fixed","name":"F","size":7331}') == schema_id
    for _ in range(2):
        assert registry.get(f"{path}?subject={other}").body["subject"] == other
        assert registry.get(path).body == plain
        assert registry.register(other, '{"type":"fixed","name":"F","size":7331}') == schema_id
    assert registry.delete(f"/subjects/{other}").status == 200
    assert registry.get(path).body == plain
    again = registry.post(
        f"/subjects/{other}/versions", {"schema": '{"type":"fixed","name":"F","size":7331}'}
    )
    assert (again.body["id"], again.body["version"]) == (schema_id, 2)
