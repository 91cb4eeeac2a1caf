"""What a client may do: the questions that handlers put to the authorizer, and what they answer where the answer is no.

Without an authorizer everything is allowed, and a question is one `is None`. With one there are two kinds of rights:

- rights without which nothing of a request is done stand beside its handler's registration, `needs=(on_group(READ),)`, and
  are asked for in front of it, in their order;
- rights to single topics, groups and the like are asked for by the handler, which answers the others and leaves out, or
  refuses by name, what the client may not know of.

Which API asks for what, in which order, and which error it answers: docs/authorization.md. Apache: `AuthHelper`, and each
`handle…Request` of `KafkaApis` and `ControllerApis`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.security.acl import CLUSTER_NAME, SUPPORTED_OPERATIONS, AclOperation, ResourceType

if TYPE_CHECKING:
    from ottla.broker.context import RequestContext
    from ottla.broker.server import BrokerServer
    from ottla.security.authorizer import Authorizer

T = TypeVar("T")

TOPIC: Final = ResourceType.TOPIC
GROUP: Final = ResourceType.GROUP
CLUSTER: Final = ResourceType.CLUSTER
TRANSACTIONAL_ID: Final = ResourceType.TRANSACTIONAL_ID

REFUSALS: Final = {
    TOPIC: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    GROUP: ErrorCode.GROUP_AUTHORIZATION_FAILED,
    CLUSTER: ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    TRANSACTIONAL_ID: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ResourceType.DELEGATION_TOKEN: ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED,
}
"""What the lack of a right is answered with, by the kind of resource."""

ALL_OPERATIONS: Final = {
    resource_type: sum(1 << operation for operation in operations)
    for resource_type, operations in SUPPORTED_OPERATIONS.items()
}
"""What there is to be done to each kind of resource, one bit for each operation."""

MAX_REMEMBERED_TOPICS: Final = 8_192
"""Of each connection and operation; at one more they are forgotten and asked for anew."""


# Questions.


def may(
    broker: "BrokerServer",
    context: "RequestContext",
    operation: AclOperation,
    resource_type: ResourceType,
    name: str,
    *,
    audit: bool = True,
    references: int = 1,
) -> bool:
    """Whether the client may do this to this resource. Without `audit` a no is not written down: for lists, of which the
    client sees its part, and for rights that another one can stand in for. `references`: how often the request names it."""
    authorizer = broker.authorizer
    if authorizer is None:
        return True
    connection = context.connection
    return authorizer.authorize(
        connection.principal,
        connection.host,
        operation,
        resource_type,
        name,
        audit=audit,
        request=context.api_key,
        references=references,
    )


def may_cluster(
    broker: "BrokerServer", context: "RequestContext", operation: AclOperation, *, audit: bool = True
) -> bool:
    """Whether the client may do this to the cluster as a whole."""
    return may(broker, context, operation, CLUSTER, CLUSTER_NAME, audit=audit)


def may_any(
    broker: "BrokerServer", context: "RequestContext", operation: AclOperation, resource_type: ResourceType
) -> bool:
    """Whether there could be a resource of this kind to which the client may do this."""
    authorizer = broker.authorizer
    if authorizer is None:
        return True
    connection = context.connection
    return authorizer.authorize_by_resource_type(
        connection.principal, connection.host, operation, resource_type
    )


def require(
    broker: "BrokerServer",
    context: "RequestContext",
    operation: AclOperation,
    resource_type: ResourceType,
    name: str,
) -> None:
    """Raise the `KafkaError` that refuses the whole request, unless the client may."""
    if not may(broker, context, operation, resource_type, name):
        raise KafkaError(REFUSALS[resource_type])


def require_cluster(broker: "BrokerServer", context: "RequestContext", operation: AclOperation) -> None:
    """Likewise for the cluster."""
    require(broker, context, operation, CLUSTER, CLUSTER_NAME)


def denied(
    broker: "BrokerServer",
    context: "RequestContext",
    operation: AclOperation,
    resource_type: ResourceType,
    names: Iterable[str],
    *,
    audit: bool = True,
) -> frozenset[str]:
    """Those of `names`, one for each time that the request names it, to which the client may not do this."""
    if broker.authorizer is None:
        return frozenset()
    return frozenset(
        name
        for name, references in Counter(names).items()
        if not may(broker, context, operation, resource_type, name, audit=audit, references=references)
    )


def split(
    broker: "BrokerServer",
    context: "RequestContext",
    operation: AclOperation,
    resource_type: ResourceType,
    items: Sequence[T],
    name_of: Callable[[T], str],
) -> tuple[list[T], list[T]]:
    """The items, here those that the client may do this to, there the others; each in their order."""
    refused = denied(broker, context, operation, resource_type, map(name_of, items))
    if not refused:
        return list(items), []
    return (
        [each for each in items if name_of(each) not in refused],
        [each for each in items if name_of(each) in refused],
    )


def operations_on(
    broker: "BrokerServer", context: "RequestContext", resource_type: ResourceType, name: str
) -> int:
    """What the client may do to the resource, one bit for each operation (KIP-430)."""
    if broker.authorizer is None:
        return ALL_OPERATIONS[resource_type]
    return sum(
        1 << operation
        for operation in SUPPORTED_OPERATIONS[resource_type]
        if may(broker, context, operation, resource_type, name, audit=False)
    )


# Rights beside a registration.


class Need(NamedTuple):
    """One right that all of a request depends on."""

    operation: AclOperation
    resource_type: ResourceType
    field: str = ""
    """The field of the request that names the resource; empty for the cluster."""

    def name_in(self, request: Any) -> str:
        """The resource's name in this request."""
        return (getattr(request, self.field) or "") if self.field else CLUSTER_NAME


def on_cluster(operation: AclOperation) -> Need:
    return Need(operation, CLUSTER)


def on_group(operation: AclOperation, field: str = "group_id") -> Need:
    return Need(operation, GROUP, field)


def on_transactional_id(operation: AclOperation, field: str = "transactional_id") -> Need:
    return Need(operation, TRANSACTIONAL_ID, field)


def guarded(handler: Callable[..., Any], needs: Sequence[Need]) -> Callable[..., Any]:
    """`handler` behind its needs: called for clients that have all of these rights."""

    def guard(broker: "BrokerServer", request: Any, context: "RequestContext") -> Any:
        if broker.authorizer is not None:
            for need in needs:
                require(broker, context, need.operation, need.resource_type, need.name_in(request))
        return handler(broker, request, context)

    return guard


# Topics that are read and written all the time.


class AllowedTopics:
    """The topics that one connection was allowed one operation on, so that the next request pays one look-up for each.

    Holds until a rule changes. What was denied is asked for anew each time, for each time is written down.
    """

    __slots__ = ("_names", "_operation", "_version")

    def __init__(self, operation: AclOperation) -> None:
        self._operation = operation
        self._names: set[str] = set()
        self._version = -1

    def remembers(self, authorizer: "Authorizer", topic: str) -> bool:
        """Whether it was allowed before, and still is. Hot path."""
        return topic in self._names and self._version == authorizer.version

    def ask(
        self, authorizer: "Authorizer", context: "RequestContext", topic: str, references: int = 1
    ) -> bool:
        """Whether it is allowed."""
        if topic in self._names and self._version == authorizer.version:
            return True
        connection = context.connection
        if not authorizer.authorize(
            connection.principal,
            connection.host,
            self._operation,
            TOPIC,
            topic,
            request=context.api_key,
            references=references,
        ):
            return False
        if self._version != authorizer.version or len(self._names) >= MAX_REMEMBERED_TOPICS:
            self._names.clear()
            self._version = authorizer.version
        self._names.add(topic)
        return True


class TopicsInHand:
    """The topics of one request that reads or writes them.

    The request names partitions; each topic is asked for once, so that a refusal is one line of the audit log, with the number of
    partitions in it. What was refused stays refused for this request.
    """

    __slots__ = ("_allowed", "_authorizer", "_context", "_references", "_refused")

    def __init__(self, authorizer: "Authorizer", context: "RequestContext", allowed: AllowedTopics) -> None:
        self._authorizer = authorizer
        self._context = context
        self._allowed = allowed
        self._references: Counter[str] | None = None
        self._refused: set[str] = set()

    def remembers(self, topic: str) -> bool:
        """Whether it was allowed before, and still is; else `ask`. Hot path. What has no name here is unknown to everyone."""
        return not topic or self._allowed.remembers(self._authorizer, topic)

    def ask(self, topic: str, named: Iterable[str]) -> bool:
        """Whether it is allowed; `named` are the topics of all partitions that the request names."""
        if topic in self._refused:
            return False
        if self._references is None:
            self._references = Counter(named)
        if self._allowed.ask(self._authorizer, self._context, topic, self._references[topic]):
            return True
        self._refused.add(topic)
        return False


def topics_to_read(broker: "BrokerServer", context: "RequestContext") -> TopicsInHand | None:
    """For a request that reads topics; None: it may read all."""
    authorizer = broker.authorizer
    if authorizer is None:
        return None
    connection = context.connection
    if connection.readable is None:
        connection.readable = AllowedTopics(AclOperation.READ)
    return TopicsInHand(authorizer, context, connection.readable)


def topics_to_write(broker: "BrokerServer", context: "RequestContext") -> TopicsInHand | None:
    """For a request that writes to topics; None: it may write to all."""
    authorizer = broker.authorizer
    if authorizer is None:
        return None
    connection = context.connection
    if connection.writable is None:
        connection.writable = AllowedTopics(AclOperation.WRITE)
    return TopicsInHand(authorizer, context, connection.writable)
