"""Names of the directories in which logs lie, and the file that says whose log it is.

::

    orders-0                                          partition 0 of topic `orders`
    orders-0.<32 hex digits>-delete                   deleted
    orders-0.<32 hex digits>-future                   a copy on its way into this log directory
    orders-0.<32 hex digits>-stray                    of a topic that the cluster no longer knows

    partition.metadata:   version: 0
                          topic_id: vPeOCWypqUOSepEvx0cbog

Source: Apache's UnifiedLog, LocalLog, PartitionMetadataFile.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition, Uuid, parse_uuid, uuid_text
from ottla.storage.checkpoints import PARTITION_METADATA_FILE, CheckpointError

if TYPE_CHECKING:
    from ottla.storage.disk import Disk

TOPIC_NAME_LENGTH_MAX: Final = 249
"""Apache's Topic.MAX_NAME_LENGTH: 255 bytes of a file name, less `-<partition>`."""

_NAME_LENGTH_MAX: Final = 255
_NAME = re.compile(
    r"(?P<topic>.+)-(?P<partition>\d+)(\.(?P<id>[0-9a-f]{32})-(?P<mark>delete|future|stray))?", re.ASCII
)


class LogMark(Enum):
    """Why a log's directory is not live; the end of its name."""

    DELETE = "delete"
    FUTURE = "future"
    STRAY = "stray"


class LogName(NamedTuple):
    """What a directory's name says. The topic of a deleted log may be cut."""

    topic_partition: TopicPartition
    mark: LogMark | None


def directory_name(topic_partition: TopicPartition) -> str:
    """The name of a live log. Raises `KafkaError` INVALID_TOPIC_EXCEPTION for a topic that no directory can have."""
    topic = topic_partition.topic
    if not 0 < len(topic) <= TOPIC_NAME_LENGTH_MAX or "/" in topic or topic in (".", ".."):
        raise KafkaError(
            ErrorCode.INVALID_TOPIC_EXCEPTION,
            f"a topic's name has 1 to {TOPIC_NAME_LENGTH_MAX} of the characters a-z A-Z 0-9 . _ -, not {topic!r}",
        )
    return f"{topic}-{topic_partition.partition}"


def marked_name(topic_partition: TopicPartition, mark: LogMark, unique_id: str) -> str:
    """The name of a log that is not live; `unique_id` is 32 hex digits. The topic is cut where a file name ends."""
    suffix = f"-{topic_partition.partition}.{unique_id}-{mark.value}"
    return topic_partition.topic[: _NAME_LENGTH_MAX - len(suffix)] + suffix


def parse_directory_name(name: str) -> LogName | None:
    """What the name says; None for a directory that is no log."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    mark = LogMark(match["mark"]) if match["mark"] else None
    return LogName(TopicPartition(match["topic"], int(match["partition"])), mark)


def format_partition_metadata(topic_id: Uuid) -> bytes:
    return f"version: 0\ntopic_id: {uuid_text(topic_id)}\n".encode()


def read_partition_metadata(disk: Disk, directory: str) -> Uuid | None:
    """The topic's id; None where the file is missing (written before Kafka 2.8). Raises `CheckpointError`."""
    path = f"{directory}/{PARTITION_METADATA_FILE}"
    try:
        content = disk.read_file(path)
    except FileNotFoundError:
        return None
    lines = content.decode("utf-8", "replace").splitlines()
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    if fields.get("version") != "0":
        raise CheckpointError(f"{path}: version 0 expected, found {fields.get('version')!r}")
    try:
        return parse_uuid(fields.get("topic_id", ""))
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error
