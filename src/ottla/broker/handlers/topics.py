"""CreateTopics, DeleteTopics, CreatePartitions: changes to what topics there are.

The decisions are the controller's; here its outcomes are put into the answers of each version. KIP-525 added what a made
topic looks like to CreateTopics' answer, KIP-516 the ids.
"""

from collections import Counter
from typing import TYPE_CHECKING

from ottla.broker.access import TOPIC, denied, may_cluster
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.later import answer_later
from ottla.broker.pending import Pending
from ottla.broker.throttling import MutationCharge
from ottla.cluster.changes import NewPartitions, NewTopic, PartitionsOutcome, TopicOutcome
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
    CreatePartitionsTopicResult,
)
from ottla.protocol.messages.create_topics import (
    CreatableTopic,
    CreatableTopicConfigs,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from ottla.protocol.messages.delete_topics import (
    DeletableTopicResult,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)
from ottla.protocol.types import ZERO_UUID, Uuid
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


def _none_created(request: CreateTopicsRequest, code: ErrorCode, message: str) -> CreateTopicsResponse:
    return CreateTopicsResponse(
        topics=[
            CreatableTopicResult(name=each.name, error_code=code, error_message=message)
            for each in request.topics
        ]
    )


def _none_deleted(request: DeleteTopicsRequest, code: ErrorCode, message: str) -> DeleteTopicsResponse:
    asked = request.topics or [DeleteTopicState(name=name) for name in request.topic_names]
    return DeleteTopicsResponse(
        responses=[
            DeletableTopicResult(
                name=each.name, topic_id=each.topic_id, error_code=code, error_message=message
            )
            for each in asked
        ]
    )


def _none_grown(request: CreatePartitionsRequest, code: ErrorCode, message: str) -> CreatePartitionsResponse:
    return CreatePartitionsResponse(
        results=[
            CreatePartitionsTopicResult(name=each.name, error_code=code, error_message=message)
            for each in request.topics
        ]
    )


@handles(CreateTopicsRequest, CreateTopicsResponse, versions=(2, 7), on_error=_none_created)
def create_topics(
    broker: "BrokerServer", request: CreateTopicsRequest, context: RequestContext
) -> Pending[CreateTopicsResponse]:
    """Make the topics, or with `validate_only` say what would come of it. A topic named twice is refused."""
    charge = MutationCharge(broker.throttling, context, strict_from=6)
    return answer_later(_create_topics(broker, request, context, charge))


async def _create_topics(
    broker: "BrokerServer", request: CreateTopicsRequest, context: RequestContext, charge: MutationCharge
) -> CreateTopicsResponse:
    """Who may make any topic, or this one, may; its settings are told to those who may see them."""
    names = [topic.name for topic in request.topics]
    refused: frozenset[str] = frozenset()
    if not may_cluster(broker, context, AclOperation.CREATE, audit=False):
        refused = denied(broker, context, AclOperation.CREATE, TOPIC, names)
    secret = denied(broker, context, AclOperation.DESCRIBE_CONFIGS, TOPIC, names, audit=False)
    results = []
    wanted = []
    repeated = {name for name, times in Counter(names).items() if times > 1}
    for topic in request.topics:
        if topic.name in refused and topic.name not in repeated:
            results.append(
                CreatableTopicResult(
                    name=topic.name,
                    error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED,
                    error_message="Authorization failed.",
                )
            )
            continue
        doubled = _repeated_partition(topic)
        if doubled is None:
            wanted.append(_new_topic(topic))
        else:
            results.append(
                CreatableTopicResult(
                    name=topic.name,
                    error_code=ErrorCode.INVALID_REPLICA_ASSIGNMENT,
                    error_message=f"Found multiple manual partition assignments for partition {doubled}",
                )
            )
    outcomes = await broker.metadata.create_topics(wanted, validate_only=request.validate_only, charge=charge)
    for outcome in _each_name_once(outcomes):
        result = _created(broker, outcome)
        results.append(_without_settings(result) if result.name in secret else result)
    return CreateTopicsResponse(topics=results, throttle_time_ms=charge.throttle_time_ms)


def _message(outcome: TopicOutcome | PartitionsOutcome) -> str | None:
    """Apache has no text for what exceeds a quota, nor for a topic that is to grow and isn't there."""
    unknown = outcome.error is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION and isinstance(outcome, PartitionsOutcome)
    return None if unknown or outcome.error is ErrorCode.THROTTLING_QUOTA_EXCEEDED else outcome.message


def _repeated_partition(topic: CreatableTopic) -> int | None:
    seen: set[int] = set()
    for assignment in topic.assignments:
        if assignment.partition_index in seen:
            return assignment.partition_index
        seen.add(assignment.partition_index)
    return None


def _new_topic(topic: CreatableTopic) -> NewTopic:
    return NewTopic(
        name=topic.name,
        partitions=topic.num_partitions,
        replication_factor=topic.replication_factor,
        assignments={each.partition_index: tuple(each.broker_ids) for each in topic.assignments},
        configs={each.name: each.value for each in topic.configs},
    )


def _each_name_once(outcomes: list[TopicOutcome]) -> list[TopicOutcome]:
    """A name asked for twice has one row in the answer, as Apache's collection keyed by name gives."""
    return list({outcome.name: outcome for outcome in outcomes}.values())


def _created(broker: "BrokerServer", outcome: TopicOutcome) -> CreatableTopicResult:
    name = outcome.name or ""
    if outcome.error is not ErrorCode.NONE:
        return CreatableTopicResult(name=name, error_code=outcome.error, error_message=_message(outcome))
    return CreatableTopicResult(
        name=name,
        topic_id=outcome.topic_id,
        error_message=None,
        num_partitions=outcome.partitions,
        replication_factor=outcome.replication_factor,
        configs=[
            CreatableTopicConfigs(
                name=each.name,
                value=each.value,
                read_only=each.read_only,
                config_source=each.source,
                is_sensitive=each.sensitive,
            )
            for each in broker.configs.describe_new_topic(outcome.configs)
        ],
    )


def _without_settings(result: CreatableTopicResult) -> CreatableTopicResult:
    """What a client is told of a topic that it may make and whose settings it may not see."""
    if result.error_code != ErrorCode.NONE:
        return result
    return CreatableTopicResult(
        name=result.name,
        topic_id=result.topic_id,
        error_message=None,
        topic_config_error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    )


@handles(DeleteTopicsRequest, DeleteTopicsResponse, versions=(1, 6), on_error=_none_deleted)
def delete_topics(
    broker: "BrokerServer", request: DeleteTopicsRequest, context: RequestContext
) -> Pending[DeleteTopicsResponse]:
    """Delete topics by name, or by id from version 6 on."""
    charge = MutationCharge(broker.throttling, context, strict_from=5)
    return answer_later(_delete_topics(broker, request, context, charge))


async def _delete_topics(
    broker: "BrokerServer", request: DeleteTopicsRequest, context: RequestContext, charge: MutationCharge
) -> DeleteTopicsResponse:
    version = context.api_version
    asked = request.topics if version >= 6 else [DeleteTopicState(name=name) for name in request.topic_names]
    refused, names, ids = [], [], []
    for topic in asked:
        if topic.name is None and topic.topic_id == ZERO_UUID:
            refused.append(_refused(topic, "Neither topic name nor id were specified."))
        elif topic.name is not None and topic.topic_id != ZERO_UUID:
            refused.append(_refused(topic, "You may not specify both topic name and topic id."))
        elif topic.name is not None:
            names.append(topic.name)
        else:
            ids.append(topic.topic_id)
    if broker.authorizer is not None and broker.config.get("delete.topic.enable") is True:
        hidden = _Undeletable(broker, context, names, ids)
        refused += hidden.results
        names, ids = hidden.deletable_names, hidden.deletable_ids
    outcomes = await broker.metadata.delete_topics(names, ids, charge=charge)
    return DeleteTopicsResponse(
        throttle_time_ms=charge.throttle_time_ms,
        responses=[*refused, *(_deleted(outcome, version) for outcome in _each_topic_once(outcomes))],
    )


class _Undeletable:
    """Topics that the client may not delete, answered: by name as if there were none, by id without a name it may not know.

    A topic named twice is left to the controller, which refuses it whoever asks.
    """

    def __init__(
        self, broker: "BrokerServer", context: RequestContext, names: list[str], ids: list[Uuid]
    ) -> None:
        self.results: list[DeletableTopicResult] = []
        self.deletable_names = names
        self.deletable_ids = ids
        if may_cluster(broker, context, AclOperation.DELETE, audit=False):
            return
        image = broker.metadata.image
        by_id = {each: image.topic_names.get(each) for each in ids}
        asked = [*names, *(name for name in by_id.values() if name is not None)]
        hidden = denied(broker, context, AclOperation.DESCRIBE, TOPIC, asked)
        kept = denied(broker, context, AclOperation.DELETE, TOPIC, asked)
        times = Counter(names) + Counter(ids)
        self.deletable_names, self.deletable_ids = [], []
        for name in names:
            if times[name] == 1 and (name in hidden or (name in kept and name in image.topics)):
                self._refuse(name, ZERO_UUID)
            else:
                self.deletable_names.append(name)
        for topic_id in ids:
            known = by_id[topic_id]
            if times[topic_id] == 1 and known in kept:
                self._refuse(None if known in hidden else known, topic_id)
            else:
                self.deletable_ids.append(topic_id)

    def _refuse(self, name: str | None, topic_id: Uuid) -> None:
        code = ErrorCode.TOPIC_AUTHORIZATION_FAILED
        self.results.append(
            DeletableTopicResult(name=name, topic_id=topic_id, error_code=code, error_message=code.message)
        )


def _refused(topic: DeleteTopicState, message: str) -> DeletableTopicResult:
    return DeletableTopicResult(
        name=topic.name,
        topic_id=topic.topic_id,
        error_code=ErrorCode.INVALID_REQUEST,
        error_message=message,
    )


def _each_topic_once(outcomes: list[TopicOutcome]) -> list[TopicOutcome]:
    return list({(outcome.name, outcome.topic_id): outcome for outcome in outcomes}.values())


def _deleted(outcome: TopicOutcome, version: int) -> DeletableTopicResult:
    error = outcome.error
    if error is ErrorCode.TOPIC_DELETION_DISABLED and version < 3:
        error = ErrorCode.INVALID_REQUEST  # KIP-322: older clients don't know the code
    return DeletableTopicResult(
        name=outcome.name, topic_id=outcome.topic_id, error_code=error, error_message=_message(outcome)
    )


@handles(CreatePartitionsRequest, CreatePartitionsResponse, versions=(0, 3), on_error=_none_grown)
def create_partitions(
    broker: "BrokerServer", request: CreatePartitionsRequest, context: RequestContext
) -> Pending[CreatePartitionsResponse]:
    """Grow topics to the counts given. A topic named twice is refused."""
    charge = MutationCharge(broker.throttling, context, strict_from=3)
    return answer_later(_create_partitions(broker, request, context, charge))


async def _create_partitions(
    broker: "BrokerServer", request: CreatePartitionsRequest, context: RequestContext, charge: MutationCharge
) -> CreatePartitionsResponse:
    names = [topic.name for topic in request.topics]
    repeated = {name for name, times in Counter(names).items() if times > 1}
    refused = denied(broker, context, AclOperation.ALTER, TOPIC, names) - repeated
    outcomes = await broker.metadata.create_partitions(
        [_new_partitions(topic) for topic in request.topics if topic.name not in refused],
        validate_only=request.validate_only,
        charge=charge,
    )
    by_name = {outcome.topic: outcome for outcome in outcomes}
    return CreatePartitionsResponse(
        throttle_time_ms=charge.throttle_time_ms,
        results=[
            CreatePartitionsTopicResult(
                name=outcome.topic, error_code=outcome.error, error_message=_message(outcome)
            )
            for outcome in by_name.values()
        ]
        + [
            CreatePartitionsTopicResult(
                name=name, error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED, error_message=None
            )
            for name in names
            if name in refused
        ],
    )


def _new_partitions(topic: CreatePartitionsTopic) -> NewPartitions:
    assignments = topic.assignments
    return NewPartitions(
        topic=topic.name,
        count=topic.count,
        assignments=None if assignments is None else [tuple(each.broker_ids) for each in assignments],
    )
