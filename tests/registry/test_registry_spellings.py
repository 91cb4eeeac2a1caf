"""A text that was parsed once, in the words of its client, is known again without being parsed."""

from __future__ import annotations

import json
from itertools import count

import pytest

from ottla.registry import spellings
from ottla.registry.content import SchemaContent
from ottla.registry.schemas.schema import Reference, SchemaType
from ottla.registry.spellings import Spellings
from registries import RegistryProcess

SENT = SchemaContent(SchemaType.AVRO, '{"type": "string"}')
STORED = SchemaContent(SchemaType.AVRO, '"string"')


def test_a_spelling_leads_to_what_is_stored() -> None:
    """For its language alone, and only as strictly as it was looked at."""
    known = Spellings()
    known.keep(SENT, STORED, strict=False)
    assert known.stored_identity(SENT, strict=False) == STORED.identity
    assert known.stored_identity(SENT, strict=True) is None
    assert known.stored_identity(SchemaContent(SchemaType.JSON, SENT.text), strict=False) is None


def test_a_spelling_with_references_is_parsed_each_time() -> None:
    """What they lead to may be another schema by then."""
    known = Spellings()
    referring = SchemaContent(SchemaType.AVRO, '"a.B"', (Reference("a.B", "b", 1),))
    known.keep(referring, referring, strict=False)
    assert known.stored_identity(referring, strict=False) is None


def test_the_spellings_used_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spellings, "MAX_SPELLINGS", 2)
    known = Spellings()
    first, second, third = (SchemaContent(SchemaType.AVRO, f'"{number}"') for number in range(3))
    known.keep(first, STORED, strict=False)
    known.keep(second, STORED, strict=False)
    assert known.stored_identity(first, strict=False) is not None
    known.keep(third, STORED, strict=False)
    kept = [known.stored_identity(each, strict=False) is not None for each in (first, second, third)]
    assert kept == [True, False, True]


NUMBERS = count(1)


def test_a_known_spelling_answers_like_an_unknown_one(registry: RegistryProcess) -> None:
    """The same words again: the same id and version. Deleted: a new version."""
    subject = f"spelt-{next(NUMBERS)}-value"
    path = f"/subjects/{subject}/versions"
    spaced = json.dumps(
        {"type": "record", "name": "Spelt", "fields": [{"name": "a", "type": {"type": "int"}}]}
    )
    first = registry.post(path, {"schema": spaced})
    assert first.status == 200, first.content
    assert registry.post(path, {"schema": spaced}).content == registry.post(path, {"schema": spaced}).content
    assert registry.post(path, {"schema": spaced}).body == first.body
    assert registry.put(f"/config/{subject}", {"validateFields": True}).status == 200
    # It is registered already, whatever the rules for new ones say.
    assert registry.post(path, {"schema": spaced}).body["id"] == first.body["id"]
    assert registry.delete(f"/subjects/{subject}/versions/1").status == 200
    again = registry.post(path, {"schema": spaced})
    assert (again.body["version"], again.body["id"]) == (2, first.body["id"])
