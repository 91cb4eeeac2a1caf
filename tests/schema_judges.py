"""What Java's libraries make of schemas: the judges of the Schema Registry's tests.

A JVM runs a class of tests/java/schemas/ottla/ and answers question by question.

    with AvroJudge() as judge:                                            # Apache Avro
        judge.text('{"type": "string"}')                                  # '"string"'; None: Avro refuses it
        judge.text('"a.R"', references=['{"type": "record", "name": "a.R", "fields": []}'])
        judge.compare(reader, writer)                                     # Verdict(texts, found, failure)

    with JsonSchemaJudge() as judge:                                      # everit-json-schema, for drafts 4, 6 and 7
        judge.parts('{"type": "string"}')                                 # {"kind": "String", ...}; None: refused
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from apache_jars import JAVA_CACHE, QUICK_JVM
from line_program import LineProgram

CLASSES: Final = JAVA_CACHE / "classes-schemas"
JARS: Final = JAVA_CACHE / "schemas"


class Judge(LineProgram):
    """One JVM. Not for two threads at a time."""

    def __init__(self, main_class: str) -> None:
        if not (CLASSES.is_dir() and JARS.is_dir()):
            raise FileNotFoundError(f"{JARS} and {CLASSES} are not both there: run `make setup` first")
        super().__init__(["java", *QUICK_JVM, "-cp", f"{CLASSES}:{JARS}/*", main_class])


class Verdict(NamedTuple):
    """What Avro finds between a reader's schema and a writer's.

    `texts`: both as Avro writes them, None for one it refuses. `found`: (kind, location, message) each; None where a schema
    was refused or the comparison itself failed, with `failure` for its message.
    """

    texts: list[str | None]
    found: list[tuple[str, str, str]] | None
    failure: str | None


class AvroJudge(Judge):
    """Apache Avro for Java."""

    def __init__(self) -> None:
        super().__init__("ottla.AvroJudge")

    def text(self, schema: str, *, references: Sequence[str] = (), validate: bool = False) -> str | None:
        """The schema as Avro writes it; None if it refuses it."""
        answer = self.ask({"read": [schema], "references": list(references), "validate": validate})
        text: str | None = answer["texts"][0]
        return text

    def error(self, schema: str, *, validate: bool = False) -> str | None:
        """Why Avro refuses the schema."""
        answer = self.ask({"read": [schema], "validate": validate})
        error: str | None = answer["errors"][0]
        return error

    def compare(self, reader: str, writer: str) -> Verdict:
        """What keeps the reader from reading what the writer wrote."""
        answer = self.ask({"read": [reader, writer], "compare": True})
        found = answer.get("found")
        return Verdict(
            answer["texts"],
            None if found is None else [(kind, location, message) for kind, location, message in found],
            answer.get("failure"),
        )


class JsonSchemaJudge(Judge):
    """everit's library, whose classes are what Confluent's registry compares."""

    def __init__(self) -> None:
        super().__init__("ottla.JsonSchemaJudge")

    def parts(self, schema: dict[str, Any]) -> dict[str, Any] | None:
        """Kinds and keywords of the schema and all in it; None if it is refused."""
        answer = self.ask(schema)
        return None if "error" in answer else answer
