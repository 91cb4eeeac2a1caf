"""Which earlier versions a new schema is compared with, and in which direction, at each of the seven levels."""

import pytest

from ottla.registry.schemas.compatibility import CompatibilityLevel, check
from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.schema import Conditions, Schema, SchemaType


def avro(text: str) -> Schema:
    return parse(SchemaType.AVRO, text)


INT, LONG, FLOAT, STRING = (avro(f'"{name}"') for name in ("int", "long", "float", "string"))

# level, earlier versions, the new one, the index of the earlier version that it does not get along with
CASES = [
    ("NONE", [STRING], INT, None),
    ("BACKWARD", [], INT, None),
    ("BACKWARD", [STRING, INT], LONG, None),
    ("BACKWARD", [INT, STRING], LONG, 1),
    ("BACKWARD", [LONG], INT, 0),
    ("BACKWARD_TRANSITIVE", [STRING, INT], LONG, 0),
    ("BACKWARD_TRANSITIVE", [INT, LONG], FLOAT, None),
    ("BACKWARD_TRANSITIVE", [STRING, STRING, INT], LONG, 1),
    ("FORWARD", [STRING, LONG], INT, None),
    ("FORWARD", [INT], LONG, 0),
    ("FORWARD_TRANSITIVE", [STRING, LONG], INT, 0),
    ("FORWARD_TRANSITIVE", [FLOAT, LONG], INT, None),
    ("FULL", [STRING, INT], INT, None),
    ("FULL", [INT], LONG, 0),
    ("FULL", [LONG], INT, 0),
    ("FULL_TRANSITIVE", [LONG, INT], INT, 0),
    ("FULL_TRANSITIVE", [INT, INT], INT, None),
]


@pytest.mark.parametrize(("level", "previous", "new", "index"), CASES)
def test_levels(level: str, previous: list[Schema], new: Schema, index: int | None) -> None:
    """The newest version that does not fit is the one that is named; without TRANSITIVE only the latest counts."""
    found = check(CompatibilityLevel(level), new, previous)
    assert {each.earlier for each in found} == (set() if index is None else {index})


@pytest.mark.parametrize(
    ("level", "sentences"),
    [
        ("BACKWARD", ["in the new schema cannot read that of the old schema"]),
        ("FORWARD", ["in the old schema cannot read that of the new schema"]),
        (
            "FULL",
            [
                "in the old schema cannot read that of the new schema",
                "in the new schema cannot read that of the old schema",
            ],
        ),
    ],
)
def test_who_reads_whom(level: str, sentences: list[str]) -> None:
    """Each reason says which schema is the reader's."""
    found = check(CompatibilityLevel(level), avro('"boolean"'), [avro('"string"')])
    assert [sentence in each.text for sentence, each in zip(sentences, found, strict=True)] == [True] * len(
        found
    )


def test_a_schema_of_another_type() -> None:
    """A subject keeps its language, at any level but NONE."""
    other = parse(SchemaType.JSON, '{"type": "string"}')
    for level in CompatibilityLevel:
        texts = {each.text for each in check(level, other, [avro('"string"')])}
        wanted = (
            set() if level is CompatibilityLevel.NONE else {"Incompatible because of different schema type"}
        )
        assert texts == wanted


def test_reserved_names_turn_with_the_direction() -> None:
    """The names that an earlier version's metadata reserve count as those of the version they belong to."""
    schema = parse(SchemaType.JSON, '{"properties": {"a": {}}}')
    reserving, plain = frozenset({"b"}), frozenset[str]()
    given_up = check(CompatibilityLevel.BACKWARD, schema, [schema], previous_reserved=[reserving])
    assert ["RESERVED_PROPERTY_REMOVED" in each.text for each in given_up] == [True]
    conditions = Conditions(reserved=reserving)
    assert (
        check(CompatibilityLevel.BACKWARD, schema, [schema], conditions=conditions, previous_reserved=[plain])
        == []
    )
    turned = check(
        CompatibilityLevel.FORWARD, schema, [schema], conditions=conditions, previous_reserved=[plain]
    )
    assert len(turned) == 1
