"""DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources: settings, seen and changed.

KIP-133 the first two, KIP-226 dynamic broker settings and synonyms, KIP-339 the incremental form, KIP-412 log levels,
KIP-1142 the list. Every resource of a request has its own outcome; one that cannot be changed does not hold up the others.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Final, TypeVar

from ottla.broker.access import REFUSALS, may, on_cluster
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.later import answer_later
from ottla.broker.loggers import check_level, levels_by_logger, set_level
from ottla.broker.pending import Pending
from ottla.cluster.changes import ConfigChange, ConfigOperation
from ottla.cluster.image import DEFAULT_ENTITY, ConfigResource, ConfigType
from ottla.cluster.topic_names import why_invalid
from ottla.config.alter import InvalidRequestError, broker_of_resource, is_integer
from ottla.config.described_setting import ConfigSource, DescribedSetting
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages import alter_configs as replacing_messages
from ottla.protocol.messages import incremental_alter_configs as incremental_messages
from ottla.protocol.messages import list_config_resources as list_messages
from ottla.protocol.messages.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
    DescribeConfigsSynonym,
)
from ottla.security import acl

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


class ResourceType(IntEnum):
    """Kinds of resources by their number on the wire (Apache's `ConfigResource.Type`)."""

    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


_NUMBERS = frozenset(int(each) for each in ResourceType)

_STORED_AS = {
    ResourceType.TOPIC: ConfigType.TOPIC,
    ResourceType.BROKER: ConfigType.BROKER,
    ResourceType.CLIENT_METRICS: ConfigType.CLIENT_METRICS,
    ResourceType.GROUP: ConfigType.GROUP,
}

_RIGHTS_TO: Final[Mapping[int, acl.ResourceType]] = {
    ResourceType.TOPIC: acl.ResourceType.TOPIC,
    ResourceType.GROUP: acl.ResourceType.GROUP,
}
"""Whose rules protect the settings of which resources; those of all others belong to the cluster."""


def _require_rights(
    broker: "BrokerServer",
    context: RequestContext,
    operation: acl.AclOperation,
    kind: int,
    name: str,
) -> None:
    """Raise the `KafkaError` that refuses the resource, unless the client has the right to its settings."""
    resource_type = _RIGHTS_TO.get(kind, acl.ResourceType.CLUSTER)
    protected = acl.CLUSTER_NAME if resource_type is acl.ResourceType.CLUSTER else name
    if not may(broker, context, operation, resource_type, protected):
        raise KafkaError(REFUSALS[resource_type])


def _invalid(message: str | None = None) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)


def _require_name(kind: ResourceType, name: str) -> None:
    what = {
        ResourceType.BROKER_LOGGER: "Broker id",
        ResourceType.CLIENT_METRICS: "Client metrics subscription name",
        ResourceType.GROUP: "Group name",
    }.get(kind)
    if what is not None and not name:
        raise _invalid(f"{what} must not be empty")


# Describing.


def _check_broker(broker: "BrokerServer", name: str, expected: str) -> None:
    """Apache has a text of its own for each way to mean another broker than the one that is asked."""
    if not is_integer(name):
        raise _invalid(f"Broker id must be an integer, but it is: {name}")
    if int(name) != broker.node_id:
        raise _invalid(f"Unexpected broker id, expected {expected} but received {name}")


def _every_resource(
    request: DescribeConfigsRequest, code: ErrorCode, message: str
) -> DescribeConfigsResponse:
    return DescribeConfigsResponse(
        results=[
            DescribeConfigsResult(
                error_code=code,
                error_message=message,
                resource_type=resource.resource_type,
                resource_name=resource.resource_name,
            )
            for resource in request.resources
        ]
    )


@handles(DescribeConfigsRequest, DescribeConfigsResponse, versions=(1, 4), on_error=_every_resource)
def describe_configs(
    broker: "BrokerServer", request: DescribeConfigsRequest, context: RequestContext
) -> DescribeConfigsResponse:
    """Each resource's settings, all or those named."""
    return DescribeConfigsResponse(
        results=[_described(broker, request, context, resource) for resource in request.resources]
    )


def _described(
    broker: "BrokerServer",
    request: DescribeConfigsRequest,
    context: RequestContext,
    resource: DescribeConfigsResource,
) -> DescribeConfigsResult:
    result = DescribeConfigsResult(resource_type=resource.resource_type, resource_name=resource.resource_name)
    kind, name = resource.resource_type, resource.resource_name
    try:
        if kind in _NUMBERS:
            _require_rights(broker, context, acl.AclOperation.DESCRIBE_CONFIGS, kind, name)
        result.configs = _settings(broker, request, resource)
    except KafkaError as error:
        result.error_code = error.code
        # Apache gives no text for a topic that isn't there.
        result.error_message = "" if error.code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION else error.message
    return result


def _settings(
    broker: "BrokerServer", request: DescribeConfigsRequest, resource: DescribeConfigsResource
) -> list[DescribeConfigsResourceResult]:
    if resource.resource_type not in _NUMBERS:
        raise _invalid()
    kind, name = ResourceType(resource.resource_type), resource.resource_name
    wanted = resource.configuration_keys
    _require_name(kind, name)
    if kind is ResourceType.BROKER_LOGGER:
        _check_broker(broker, name, f"{broker.node_id}")
        return [
            _level(logger, level, request)
            for logger, level in levels_by_logger().items()
            if not wanted or logger in wanted
        ]
    if kind is ResourceType.TOPIC:
        reason = why_invalid(name)
        if reason is not None:
            raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, reason)
        if broker.metadata.image.topic(name) is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    elif kind is ResourceType.BROKER and not name:
        name = DEFAULT_ENTITY
    elif kind is ResourceType.BROKER:
        _check_broker(broker, name, f"{broker.node_id} or empty string,")
        name = str(broker.node_id)
    described = broker.configs.describe(ConfigResource(_STORED_AS[kind], name), wanted)
    return [_setting(each, request) for each in described]


def _setting(each: DescribedSetting, request: DescribeConfigsRequest) -> DescribeConfigsResourceResult:
    return DescribeConfigsResourceResult(
        name=each.name,
        value=each.value,
        read_only=each.read_only,
        config_source=each.source,
        is_sensitive=each.sensitive,
        synonyms=[
            DescribeConfigsSynonym(name=synonym.name, value=synonym.value, source=synonym.source)
            for synonym in each.synonyms
        ]
        if request.include_synonyms
        else [],
        config_type=each.type,
        documentation=each.documentation if request.include_documentation else None,
    )


def _level(logger: str, level: str, request: DescribeConfigsRequest) -> DescribeConfigsResourceResult:
    source = ConfigSource.DYNAMIC_BROKER_LOGGER_CONFIG
    return DescribeConfigsResourceResult(
        name=logger,
        value=level,
        config_source=source,
        synonyms=[DescribeConfigsSynonym(name=logger, value=level, source=source)]
        if request.include_synonyms
        else [],
        documentation=None,
    )


# Changing.

Resource = TypeVar(
    "Resource", replacing_messages.AlterConfigsResource, incremental_messages.AlterConfigsResource
)
Outcome = tuple[ErrorCode, str | None]
_DONE: Outcome = (ErrorCode.NONE, None)


def _repeated(resources: Sequence[Resource]) -> set[tuple[int, str]]:
    counts = Counter((each.resource_type, each.resource_name) for each in resources)
    return {key for key, count in counts.items() if count > 1}


def _alterable(
    broker: "BrokerServer", resource: Resource, repeated: set[tuple[int, str]]
) -> ConfigResource | None:
    """Whose stored settings are meant, None for log levels. Raises `KafkaError` for what can't be meant."""
    number, name = resource.resource_type, resource.resource_name
    if (number, name) in repeated:
        raise _invalid("Each resource must appear at most once.")
    names = [each.name for each in resource.configs]
    if len(set(names)) != len(names):
        raise _invalid("Error due to duplicate config keys")
    incremental = isinstance(resource, incremental_messages.AlterConfigsResource)
    if number not in _NUMBERS or (number == ResourceType.BROKER_LOGGER and not incremental):
        raise _invalid(f"Unknown resource type {number}")
    kind = ResourceType(number)
    if kind is ResourceType.BROKER_LOGGER:
        if not is_integer(name):
            raise _invalid(f"Node id must be an integer, but it is: {name}")
        if int(name) != broker.node_id:
            raise _invalid(f"Unexpected node id. Expected {broker.node_id}, but received {name}")
        return None
    if kind is ResourceType.BROKER:
        try:
            meant = broker_of_resource(name, broker.node_id)
        except InvalidRequestError as error:
            raise _invalid(str(error)) from error
        name = DEFAULT_ENTITY if meant is None else str(meant)
    elif kind is ResourceType.TOPIC:
        if not name:
            raise _invalid("Default topic resources are not allowed.")
        if (reason := why_invalid(name)) is not None:
            raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, reason)
    return ConfigResource(_STORED_AS[kind], name)


Row = TypeVar(
    "Row", replacing_messages.AlterConfigsResourceResponse, incremental_messages.AlterConfigsResourceResponse
)


async def _alter(
    broker: "BrokerServer",
    context: RequestContext,
    resources: Sequence[Resource],
    change: Callable[[Resource, ConfigResource | None], ConfigChange | None],
    *,
    validate_only: bool,
) -> list[Outcome]:
    """What became of each resource. `change` says what is meant, None for what it has done itself."""
    repeated = _repeated(resources)
    outcomes: dict[int, Outcome] = {}
    changes: dict[int, ConfigChange] = {}
    for number, resource in enumerate(resources):
        try:
            entity = _alterable(broker, resource, repeated)
            kind, name = resource.resource_type, resource.resource_name
            _require_rights(broker, context, acl.AclOperation.ALTER_CONFIGS, kind, name)
            meant = change(resource, entity)
            if meant is not None:
                await broker.configs.prepare(meant)
        except KafkaError as error:
            # Apache's controller stumbles over an operation it doesn't know, and has no text for that.
            silent = error.code is ErrorCode.UNKNOWN_SERVER_ERROR
            outcomes[number] = (error.code, None if silent else error.message)
        else:
            if meant is None:
                outcomes[number] = _DONE
            else:
                changes[number] = meant
    answered = await broker.metadata.alter_configs(list(changes.values()), validate_only=validate_only)
    for number, outcome in zip(changes, answered, strict=True):
        outcomes[number] = (outcome.error, outcome.message)
    return [outcomes[number] for number in range(len(resources))]


def _rows(row: type[Row], resources: Sequence[Resource], outcomes: Sequence[Outcome]) -> list[Row]:
    return [
        row(
            error_code=error,
            error_message=message,
            resource_type=resource.resource_type,
            resource_name=resource.resource_name,
        )
        for resource, (error, message) in zip(resources, outcomes, strict=True)
    ]


def _incremental_answer(
    request: incremental_messages.IncrementalAlterConfigsRequest, outcomes: Sequence[Outcome]
) -> incremental_messages.IncrementalAlterConfigsResponse:
    row = incremental_messages.AlterConfigsResourceResponse
    return incremental_messages.IncrementalAlterConfigsResponse(
        responses=_rows(row, request.resources, outcomes)
    )


@handles(
    incremental_messages.IncrementalAlterConfigsRequest,
    incremental_messages.IncrementalAlterConfigsResponse,
    versions=(0, 1),
    on_error=lambda request, code, message: _incremental_answer(
        request, [(code, message)] * len(request.resources)
    ),
)
def incremental_alter_configs(
    broker: "BrokerServer",
    request: incremental_messages.IncrementalAlterConfigsRequest,
    context: RequestContext,
) -> Pending[incremental_messages.IncrementalAlterConfigsResponse]:
    """Set, delete, append to and subtract from single settings."""

    def change(
        resource: incremental_messages.AlterConfigsResource, entity: ConfigResource | None
    ) -> ConfigChange | None:
        operations = [(each.name, _operation(each.config_operation), each.value) for each in resource.configs]
        if entity is not None:
            return ConfigChange(entity, operations=operations)
        _alter_levels(operations, validate_only=request.validate_only)
        return None

    async def answer() -> incremental_messages.IncrementalAlterConfigsResponse:
        outcomes = await _alter(
            broker, context, request.resources, change, validate_only=request.validate_only
        )
        return _incremental_answer(request, outcomes)

    return answer_later(answer())


def _operation(number: int) -> ConfigOperation:
    try:
        return ConfigOperation(number)
    except ValueError:
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR) from None


def _alter_levels(
    operations: Sequence[tuple[str, ConfigOperation, str | None]], *, validate_only: bool
) -> None:
    without = [
        name
        for name, operation, value in operations
        if value is None and operation is not ConfigOperation.DELETE
    ]
    if without:
        raise _invalid(f"Null value not supported for : {','.join(without)}")
    for name, operation, value in operations:
        if operation not in (ConfigOperation.SET, ConfigOperation.DELETE):
            raise _invalid(f"{operation.name} operation is not allowed for the BROKER_LOGGER resource")
        check_level(name, value if operation is ConfigOperation.SET else None)
    if validate_only:
        return
    for name, operation, value in operations:
        set_level(name, value if operation is ConfigOperation.SET else None)


def _replacing_answer(
    request: replacing_messages.AlterConfigsRequest, outcomes: Sequence[Outcome]
) -> replacing_messages.AlterConfigsResponse:
    row = replacing_messages.AlterConfigsResourceResponse
    return replacing_messages.AlterConfigsResponse(responses=_rows(row, request.resources, outcomes))


@handles(
    replacing_messages.AlterConfigsRequest,
    replacing_messages.AlterConfigsResponse,
    versions=(0, 2),
    on_error=lambda request, code, message: _replacing_answer(
        request, [(code, message)] * len(request.resources)
    ),
)
def alter_configs(
    broker: "BrokerServer", request: replacing_messages.AlterConfigsRequest, context: RequestContext
) -> Pending[replacing_messages.AlterConfigsResponse]:
    """Replace all that is set on a resource."""

    async def answer() -> replacing_messages.AlterConfigsResponse:
        outcomes = await _alter(
            broker, context, request.resources, _replacement, validate_only=request.validate_only
        )
        return _replacing_answer(request, outcomes)

    return answer_later(answer())


def _replacement(
    resource: replacing_messages.AlterConfigsResource, entity: ConfigResource | None
) -> ConfigChange:
    assert entity is not None, "log levels are changed by IncrementalAlterConfigs only"
    without = [each.name for each in resource.configs if each.value is None]
    if without:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Null value not supported for : {','.join(without)}")
    return ConfigChange(entity, replace_all={each.name: each.value for each in resource.configs})


# Listing.


@handles(
    list_messages.ListConfigResourcesRequest,
    list_messages.ListConfigResourcesResponse,
    versions=(0, 1),
    needs=(on_cluster(acl.AclOperation.DESCRIBE_CONFIGS),),
)
def list_config_resources(
    broker: "BrokerServer", request: list_messages.ListConfigResourcesRequest, context: RequestContext
) -> list_messages.ListConfigResourcesResponse:
    """The resources of the kinds asked for; version 0 knows client-metrics subscriptions only."""
    kinds: list[ResourceType] = []
    if context.api_version == 0:
        kinds = [ResourceType.CLIENT_METRICS]
    elif request.resource_types:
        for number in dict.fromkeys(request.resource_types):
            if number not in _NUMBERS:
                raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, f"Unsupported resource type: {number}")
            kinds.append(ResourceType(number))
    else:
        kinds = list(ResourceType)
    return list_messages.ListConfigResourcesResponse(
        config_resources=[
            list_messages.ConfigResource(resource_name=name, resource_type=kind)
            for kind in kinds
            for name in _names(broker, kind)
        ]
    )


def _names(broker: "BrokerServer", kind: ResourceType) -> list[str]:
    image = broker.metadata.image
    if kind is ResourceType.TOPIC:
        return sorted(image.topics)
    if kind in (ResourceType.BROKER, ResourceType.BROKER_LOGGER):
        return [str(broker_id) for broker_id in sorted(image.brokers)]
    # A node stays when all that was set in it is taken away, and is as good as none.
    return sorted(
        resource.name
        for resource, values in image.configs.items()
        if resource.type is _STORED_AS[kind] and values
    )
