"""The subjects of a schema registry that a topic's keys and values belong to, by strategy.

    TopicNameStrategy         TOPIC-key, TOPIC-value
    RecordNameStrategy        the record's full name
    TopicRecordNameStrategy   TOPIC-the record's full name

Source: Confluent's serializers, package io.confluent.kafka.serializers.subject.
"""

from __future__ import annotations

from typing import Final

_PACKAGE: Final = "io.confluent.kafka.serializers.subject."

TOPIC_NAME: Final = f"{_PACKAGE}TopicNameStrategy"
RECORD_NAME: Final = f"{_PACKAGE}RecordNameStrategy"
TOPIC_RECORD_NAME: Final = f"{_PACKAGE}TopicRecordNameStrategy"

STRATEGIES: Final = (TOPIC_NAME, RECORD_NAME, TOPIC_RECORD_NAME)


def names_records(strategy: str) -> bool:
    """Whether the subject's name depends on the record's."""
    return strategy != TOPIC_NAME


def subject_name(strategy: str, topic: str, record_name: str, *, is_key: bool) -> str:
    """The subject that a schema has to be registered under."""
    if strategy == RECORD_NAME:
        return record_name
    if strategy == TOPIC_RECORD_NAME:
        return f"{topic}-{record_name}"
    return f"{topic}-{'key' if is_key else 'value'}"
