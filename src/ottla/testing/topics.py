"""Making a topic on a broker, without a client library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ottla.client.one_request import ask
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.create_topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    CreateTopicsResponse,
)

VERSION: Final = 7


def create_topic(
    host: str,
    port: int,
    name: str,
    partitions: int,
    replication_factor: int,
    configs: Mapping[str, str],
    timeout_s: float,
) -> None:
    """Ask for a topic and wait until it is there. Raises `KafkaError`."""
    topic = CreatableTopic(
        name=name,
        num_partitions=partitions,
        replication_factor=replication_factor,
        configs=[CreatableTopicConfig(name=key, value=value) for key, value in configs.items()],
    )
    request = CreateTopicsRequest(topics=[topic], timeout_ms=int(timeout_s * 1000))
    (answer,) = ask(host, port, request, CreateTopicsResponse, VERSION, timeout_s).topics
    if answer.error_code != ErrorCode.NONE:
        raise KafkaError(ErrorCode(answer.error_code), answer.error_message or "")
