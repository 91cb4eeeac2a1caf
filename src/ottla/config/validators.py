"""The rules that values keep, each with the form in which Apache Kafka prints it.

A validator raises `InvalidSettingError` in Apache's words. `str(validator)` is what the manual and Apache's own
documentation show as valid values: `[0,...]`, `[compact, delete]`, `non-empty string`.

They are plain classes, not dataclasses, which would make the broker's start three milliseconds longer.

Source: the validators inside Apache's ConfigDef, its ThrottledReplicaListValidator, CompressionType and LogConfig.
"""

from __future__ import annotations

import re
from typing import Protocol

from ottla.config.values import Value, print_value


class InvalidSettingError(ValueError):
    """A value that its setting doesn't take. The message is Apache's ConfigException's."""

    def __init__(self, name: str, value: str | None, reason: str) -> None:
        shown = "null" if value is None else value
        super().__init__(f"Invalid value {shown} for configuration {name}: {reason}")
        self.name = name
        self.value = value
        self.reason = reason


class Validator(Protocol):
    """A rule for one value."""

    def check(self, name: str, value: Value) -> None:
        """Raise `InvalidSettingError` unless `value` may stand for the setting `name`."""
        ...


class Range:
    """A number from `minimum` to `maximum`, both included; None leaves that side open."""

    __slots__ = ("maximum", "minimum")

    def __init__(self, minimum: float | None = None, maximum: float | None = None) -> None:
        self.minimum = minimum
        self.maximum = maximum

    def check(self, name: str, value: Value) -> None:
        if not isinstance(value, int | float):
            raise InvalidSettingError(name, print_value(value), "Value must be non-null")
        if self.minimum is not None and not value >= self.minimum:
            raise InvalidSettingError(name, print_value(value), f"Value must be at least {self.minimum}")
        if self.maximum is not None and not value <= self.maximum:
            raise InvalidSettingError(name, print_value(value), f"Value must be no more than {self.maximum}")

    def __str__(self) -> str:
        ends = ["" if end is None else str(end) for end in (self.minimum, self.maximum)]
        return f"[{ends[0]},...{',' + ends[1] if ends[1] else ''}]"


class OneOf:
    """One of some words, spelled exactly so."""

    __slots__ = ("words",)

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words

    def check(self, name: str, value: Value) -> None:
        if value not in self.words:
            raise InvalidSettingError(
                name, print_value(value), f"String must be one of: {', '.join(self.words)}"
            )

    def __str__(self) -> str:
        return f"[{', '.join(self.words)}]"


class OneOfIgnoringCase:
    """One of some words in any mixture of small and large letters."""

    __slots__ = ("words",)

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words

    def check(self, name: str, value: Value) -> None:
        if str(value).upper() not in {word.upper() for word in self.words}:
            raise InvalidSettingError(
                name, print_value(value), f"String must be one of (case insensitive): {', '.join(self.words)}"
            )

    def __str__(self) -> str:
        return f"(case insensitive) [{', '.join(self.words)}]"


class EachOneOf:
    """A list whose entries are all among some words."""

    __slots__ = ("words",)

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words

    def check(self, name: str, value: Value) -> None:
        for entry in value if isinstance(value, tuple) else ():
            OneOf(self.words).check(name, entry)

    def __str__(self) -> str:
        return f"[{', '.join(self.words)}]"


class NonEmptyString:
    """Any text but the empty one."""

    __slots__ = ()

    def check(self, name: str, value: Value) -> None:
        if value == "":
            raise InvalidSettingError(name, "", "String must be non-empty")

    def __str__(self) -> str:
        return "non-empty string"


class NonNullString:
    """Any text, the empty one too."""

    __slots__ = ()

    def check(self, name: str, value: Value) -> None:
        if value is None:
            raise InvalidSettingError(name, None, "entry must be non null")

    def __str__(self) -> str:
        return "non-null string"


class NonEmptyList:
    """A list that Apache prints as non-empty and yet takes empty, as its own default is."""

    __slots__ = ()

    def check(self, name: str, value: Value) -> None:
        if value is None:
            raise InvalidSettingError(name, None, "Value must be non-null")

    def __str__(self) -> str:
        return "non-empty list"


class GzipLevel:
    """gzip's compression levels, -1 being the library's own choice."""

    __slots__ = ()

    def check(self, name: str, value: Value) -> None:
        if not (isinstance(value, int) and (value == -1 or 1 <= value <= 9)):
            raise InvalidSettingError(
                name, print_value(value), "Value must be between 1 and 9 or equal to -1"
            )

    def __str__(self) -> str:
        return "[1,...,9] or -1"


_REPLICA = re.compile(r"[0-9]+:[0-9]+")


class ThrottledReplicas:
    """`*` for all replicas, or pairs of partition and broker."""

    __slots__ = ()

    def check(self, name: str, value: Value) -> None:
        entries = value if isinstance(value, tuple) else ()
        if entries != ("*",) and not all(_REPLICA.fullmatch(entry) for entry in entries):
            raise InvalidSettingError(
                name,
                f"[{', '.join(entries)}]",
                f"{name} must be the literal '*' or a list of replicas in the following format: {self}",
            )

    def __str__(self) -> str:
        return "[partitionId]:[brokerId],[partitionId]:[brokerId],..."


_DURATION = re.compile(
    r"P(?=.)([+-]?\d+D)?(T(?=.)([+-]?\d+H)?([+-]?\d+M)?([+-]?\d+(\.\d{1,9})?S)?)?", re.ASCII | re.IGNORECASE
)


class ShareOffsetReset:
    """`latest`, `earliest`, or `by_duration:` and an ISO-8601 duration that isn't negative (KIP-932)."""

    __slots__ = ()

    def check(self, name: str, value: Value) -> None:
        text = str(value)
        prefix, _, duration = text.partition(":")
        known = text.lower() in ("latest", "earliest") or (
            prefix.lower() == "by_duration" and _DURATION.fullmatch(duration) and "-" not in duration
        )
        if not known:
            raise InvalidSettingError(
                name,
                text,
                f"Invalid value `{text}` for configuration {name}. The value must be either 'earliest', 'latest' "
                "or of the format 'by_duration:<PnDTnHnMn.nS>'.",
            )

    def __str__(self) -> str:
        return "[latest, earliest, by_duration:PnDTnHnMn.nS]"


CODECS = ("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer")
"""What `compression.type` may say (CompressionType and BrokerCompressionType)."""

METADATA_VERSIONS = (
    "0.8.0",
    "0.8.1",
    "0.8.2",
    "0.9.0",
    "0.10.0-IV0",
    "0.10.0-IV1",
    "0.10.1-IV0",
    "0.10.1-IV1",
    "0.10.1-IV2",
    "0.10.2-IV0",
    "0.11.0-IV0",
    "0.11.0-IV1",
    "0.11.0-IV2",
    "1.0-IV0",
    "1.1-IV0",
    "2.0-IV0",
    "2.0-IV1",
    "2.1-IV0",
    "2.1-IV1",
    "2.1-IV2",
    "2.2-IV0",
    "2.2-IV1",
    "2.3-IV0",
    "2.3-IV1",
    "2.4-IV0",
    "2.4-IV1",
    "2.5-IV0",
    "2.6-IV0",
    "2.7-IV0",
    "2.7-IV1",
    "2.7-IV2",
    "2.8-IV0",
    "2.8-IV1",
    "3.0-IV0",
    "3.0-IV1",
    "3.1-IV0",
    "3.2-IV0",
    "3.3-IV0",
    "3.3-IV1",
    "3.3-IV2",
    "3.3-IV3",
    "3.4-IV0",
    "3.5-IV0",
    "3.5-IV1",
    "3.5-IV2",
    "3.6-IV0",
    "3.6-IV1",
    "3.6-IV2",
    "3.7-IV0",
    "3.7-IV1",
    "3.7-IV2",
    "3.7-IV3",
    "3.7-IV4",
    "3.8-IV0",
    "3.9-IV0",
    "4.0-IV0",
    "4.0-IV1",
)
"""Every version of the inter-broker protocol that Apache Kafka 3.9.1 knows."""
