"""Choices that more than one command offers."""

from enum import StrEnum


class Acks(StrEnum):
    """Who must have a record before it counts as written."""

    NONE = "0"
    LEADER = "1"
    ALL = "all"


class Compression(StrEnum):
    """Codecs of record batches."""

    NONE = "none"
    GZIP = "gzip"
    SNAPPY = "snappy"
    LZ4 = "lz4"
    ZSTD = "zstd"
