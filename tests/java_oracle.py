"""What Apache Kafka's own codecs make of a message: the judge of the protocol tests.

A JVM runs `ottla.Oracle` (tests/java/ottla/Oracle.java) over the jars of one Kafka version and answers line by
line, some 10,000 small questions a second when they are asked by the batch. The JSON is that of Kafka's generated
`*JsonConverter` classes: camelCase field names, bytes and records as base64, UUIDs as Kafka prints them, and a
field present only where its version has it (a tagged one only where it isn't its default).

    with JavaOracle("4.1.1") as oracle:
        oracle.versions["MetadataRequestData"]                 # (0, 13): a class has the suffix Data, a record none
        oracle.encode("MetadataRequestData", 12, {"topics": None, ...})       # b"\\x00\\x01\\x00\\x00"
        oracle.decode("MetadataRequestData", 12, b"\\x00\\x01\\x00\\x00")       # {"topics": None, ...}
        oracle.encode_many([(class_name, version, value), ...])               # in one exchange; errors in place

Coordinator records (`OffsetCommitValue`, `GroupMetadataKey`…) carry no version prefix here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final, TypeAlias

from apache_jars import KafkaVersion, java_command
from line_program import LineProgram

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

# Neither side may be left writing into a full pipe (64 KiB) while the other writes too: questions go in slices that
# a pipe holds whole, and a longer question goes alone.
SLICE_CHARACTERS: Final = 30_000


class OracleError(Exception):
    """Kafka's codec refused the value or the bytes; the text is the Java exception's."""


class JavaOracle(LineProgram):
    """One JVM over one Kafka version's jars. Not for two threads at a time."""

    def __init__(self, version: KafkaVersion) -> None:
        self.version = version
        super().__init__(java_command(version, "ottla.Oracle"))

    @cached_property
    def versions(self) -> dict[str, tuple[int, int]]:
        """Each message class of this Kafka version with its lowest and highest version (0, -1: none left)."""
        [answer] = self._ask(["list"])
        return {name: (low, high) for name, (low, high) in json.loads(_text(answer)).items()}

    def encode(self, class_name: str, version: int, value: JsonValue) -> bytes:
        """The bytes Kafka writes for the JSON value; OracleError where it refuses to."""
        [answer] = self.encode_many([(class_name, version, value)])
        if isinstance(answer, OracleError):
            raise answer
        return answer

    def decode(self, class_name: str, version: int, encoded: bytes) -> JsonValue:
        """The JSON of what Kafka reads out of the bytes; OracleError unless they are exactly one message."""
        [answer] = self.decode_many([(class_name, version, encoded)])
        if isinstance(answer, OracleError):
            raise answer
        return answer

    def encode_many(self, questions: Iterable[tuple[str, int, JsonValue]]) -> list[bytes | OracleError]:
        """As `encode`, by the batch; an error stands where its answer would."""
        lines = [f"encode\t{name}\t{version}\t{json.dumps(value)}" for name, version, value in questions]
        return [
            answer if isinstance(answer, OracleError) else bytes.fromhex(answer)
            for answer in self._ask(lines)
        ]

    def decode_many(self, questions: Iterable[tuple[str, int, bytes]]) -> list[JsonValue | OracleError]:
        """As `decode`, by the batch; an error stands where its answer would."""
        lines = [f"decode\t{name}\t{version}\t{encoded.hex()}" for name, version, encoded in questions]
        return [
            answer if isinstance(answer, OracleError) else json.loads(answer) for answer in self._ask(lines)
        ]

    def _ask(self, lines: Sequence[str]) -> list[str | OracleError]:
        answers: list[str | OracleError] = []
        start = size = 0
        for index, line in enumerate(lines):
            if size + len(line) > SLICE_CHARACTERS and index > start:
                answers.extend(map(_told, self.exchange(lines[start:index])))
                start, size = index, 0
            size += len(line)
        if start < len(lines):
            answers.extend(map(_told, self.exchange(lines[start:])))
        return answers


def _told(answer: str) -> str | OracleError:
    kind, text = answer.split("\t", 1)
    return text if kind == "ok" else OracleError(text)


def _text(answer: str | OracleError) -> str:
    if isinstance(answer, OracleError):
        raise answer
    return answer
