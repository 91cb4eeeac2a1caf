"""Metadata (key 3), versions 0 to 13: brokers, topics, partitions and their leaders.

0: an empty list asks for all topics; from 1 on null does. 4: the client says whether missing topics may be made.
8: authorized operations. 10: topic ids. 12: topics asked for by id. 13: an error for the whole request.

Where Apache answers LEADER_NOT_AVAILABLE for a topic that is being made and lets the client ask again, the topic is made here
before the answer, which names its leader.

A topic that the client may not describe is refused whether it exists or not, and left out where all are asked for. One that
doesn't exist is made for those who may describe it and make it.

An answer is kept, encoded, until the next image or change of a rule: with thousands of partitions it costs milliseconds to
make. Refusals are not kept, for each is written down.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ottla.broker.access import TOPIC, denied, may_cluster, operations_on
from ottla.broker.authorized_operations import NOT_ASKED_FOR, cluster_operations
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.internal_topics import INTERNAL_TOPICS
from ottla.broker.later import answer_later
from ottla.broker.pending import Pending
from ottla.cluster.image import NO_LEADER, MetadataImage, TopicImage
from ottla.cluster.topic_names import why_invalid
from ottla.protocol.codec import encode
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.metadata import (
    MetadataRequest,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from ottla.protocol.types import ZERO_UUID, Uuid
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_WITHOUT_OPERATIONS: Final = frozenset(
    {
        ErrorCode.TOPIC_AUTHORIZATION_FAILED,
        ErrorCode.UNKNOWN_TOPIC_ID,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.INVALID_TOPIC_EXCEPTION,
    }
)


class MetadataAnswers:
    """Encoded answers made from one image. Bounded; the next image empties it."""

    LIMIT = 64

    __slots__ = ("_answers", "_serial")

    def __init__(self) -> None:
        self._serial = -1
        self._answers: dict[tuple[object, ...], bytes] = {}

    def get(self, serial: int, key: tuple[object, ...]) -> bytes | None:
        return self._answers.get(key) if serial == self._serial else None

    def put(self, serial: int, key: tuple[object, ...], answer: bytes) -> None:
        if serial != self._serial or len(self._answers) >= self.LIMIT:
            self._answers.clear()
            self._serial = serial
        self._answers[key] = answer


def _every_topic(request: MetadataRequest, code: ErrorCode, message: str) -> MetadataResponse:
    del message
    return MetadataResponse(
        error_code=code,
        topics=[
            MetadataResponseTopic(error_code=code, name=each.name or "", topic_id=each.topic_id)
            for each in request.topics or ()
        ],
    )


@handles(MetadataRequest, MetadataResponse, versions=(0, 13), on_error=_every_topic)
def metadata(
    broker: "BrokerServer", request: MetadataRequest, context: RequestContext
) -> MetadataResponse | bytes | Pending[MetadataResponse]:
    """Answer from the image; make missing topics first where that is allowed."""
    _refuse_early_ids(request, context.api_version)
    if request.topics and request.allow_auto_topic_creation and broker.config.auto_create_topics_enable:
        image = broker.metadata.image
        missing = [
            each.name
            for each in request.topics
            if each.name is not None and each.topic_id == ZERO_UUID and each.name not in image.topics
        ]
        if missing:
            return answer_later(_make_and_answer(broker, request, context, missing))
    authorizer = broker.authorizer
    connection = context.connection
    key = (
        context.api_version,
        connection.listener_name,
        connection.local_host,
        connection.local_port,
        None if request.topics is None else tuple([(each.name, each.topic_id) for each in request.topics]),
        request.include_cluster_authorized_operations,
        request.include_topic_authorized_operations,
        None if authorizer is None else (str(connection.principal), connection.host, authorizer.version),
    )
    serial = broker.metadata.image.serial
    answer = broker.metadata_answers.get(serial, key)
    if answer is None:
        hidden = _hidden(broker, request, context)
        answer = encode(_response(broker, request, context, {}, hidden), context.api_version)
        if not hidden or _asks_for_all(request, context):
            broker.metadata_answers.put(serial, key, answer)
    return answer


def _asks_for_all(request: MetadataRequest, context: RequestContext) -> bool:
    return request.topics is None or (context.api_version == 0 and not request.topics)


def _hidden(broker: "BrokerServer", request: MetadataRequest, context: RequestContext) -> frozenset[str]:
    """The topics among those asked for that the client may not describe."""
    if broker.authorizer is None:
        return frozenset()
    image = broker.metadata.image
    if _asks_for_all(request, context):
        return denied(broker, context, AclOperation.DESCRIBE, TOPIC, image.topics, audit=False)
    asked = request.topics or ()
    names = (
        image.topic_names.get(each.topic_id) if each.topic_id != ZERO_UUID else each.name or ""
        for each in asked
    )
    return denied(broker, context, AclOperation.DESCRIBE, TOPIC, (name for name in names if name is not None))


def _refuse_early_ids(request: MetadataRequest, api_version: int) -> None:
    if api_version >= 12 or not request.topics:
        return
    for each in request.topics:
        if each.name is None or each.topic_id != ZERO_UUID:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST, f"Metadata version {api_version} asks for topics by name only"
            )


async def _make_and_answer(
    broker: "BrokerServer", request: MetadataRequest, context: RequestContext, missing: list[str]
) -> MetadataResponse:
    hidden = _hidden(broker, request, context)
    missing = [name for name in missing if name not in hidden]
    refused: frozenset[str] = frozenset()
    if missing and not may_cluster(broker, context, AclOperation.CREATE, audit=False):
        refused = denied(broker, context, AclOperation.CREATE, TOPIC, missing)
    errors = await broker.topic_creation.missing([name for name in missing if name not in refused])
    errors |= dict.fromkeys(refused, ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    return _response(broker, request, context, errors, hidden)


def _response(
    broker: "BrokerServer",
    request: MetadataRequest,
    context: RequestContext,
    errors: dict[str, ErrorCode],
    hidden: frozenset[str],
) -> MetadataResponse:
    image = broker.metadata.image
    topics = list(_topics(image, request, context, errors, hidden))
    if request.include_topic_authorized_operations:
        for topic in topics:
            if topic.name is not None and topic.error_code not in _WITHOUT_OPERATIONS:
                topic.topic_authorized_operations = operations_on(broker, context, TOPIC, topic.name)
    return MetadataResponse(
        brokers=[
            MetadataResponseBroker(
                node_id=broker_id, host=address[0], port=address[1], rack=registration.rack
            )
            for broker_id, registration in sorted(image.brokers.items())
            if (address := broker.address_of(broker_id, context)) is not None
        ],
        cluster_id=image.cluster_id,
        controller_id=image.controller_id,
        topics=topics,
        cluster_authorized_operations=cluster_operations(broker, context)
        if request.include_cluster_authorized_operations
        else NOT_ASKED_FOR,
    )


def _topics(
    image: MetadataImage,
    request: MetadataRequest,
    context: RequestContext,
    errors: dict[str, ErrorCode],
    hidden: frozenset[str],
) -> Iterable[MetadataResponseTopic]:
    if _asks_for_all(request, context):
        for topic in image.topics.values():
            if topic.name not in hidden:
                yield _known(image, topic)
        return
    seen: set[str | Uuid] = set()
    for asked in request.topics or ():
        found: TopicImage | None
        if asked.topic_id != ZERO_UUID:
            found = image.topic_by_id(asked.topic_id)
            key: str | Uuid = asked.topic_id
            missing = MetadataResponseTopic(
                error_code=ErrorCode.UNKNOWN_TOPIC_ID, name=None, topic_id=asked.topic_id
            )
        else:
            name = asked.name or ""
            found = image.topic(name)
            key = name
            missing = MetadataResponseTopic(
                error_code=errors.get(name) or _missing(name),
                name=name,
                is_internal=name in INTERNAL_TOPICS,
            )
        if key in seen:
            continue
        seen.add(key)
        if (asked.name if found is None else found.name) in hidden:
            # Ids are no secret, names are.
            yield MetadataResponseTopic(
                error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED,
                name=None if asked.topic_id != ZERO_UUID else asked.name,
                topic_id=asked.topic_id,
            )
        else:
            yield missing if found is None else _known(image, found)


def _missing(name: str) -> ErrorCode:
    invalid = why_invalid(name) is not None
    return ErrorCode.INVALID_TOPIC_EXCEPTION if invalid else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def _known(image: MetadataImage, topic: TopicImage) -> MetadataResponseTopic:
    return MetadataResponseTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.name in INTERNAL_TOPICS,
        partitions=[
            MetadataResponsePartition(
                error_code=ErrorCode.NONE
                if state.leader in image.brokers
                else ErrorCode.LEADER_NOT_AVAILABLE,
                partition_index=number,
                leader_id=state.leader if state.leader in image.brokers else NO_LEADER,
                leader_epoch=state.leader_epoch,
                replica_nodes=list(state.replicas),
                isr_nodes=list(state.isr),
                offline_replicas=list(image.offline_replicas_of(state)),
            )
            for number, state in topic.partitions.items()
        ],
    )
