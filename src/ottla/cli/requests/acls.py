"""Access rules: shown, made, taken away.

confluent-kafka gives an empty list where the broker refused to show any (2.16; librdkafka keeps the error to itself), so that an
empty list over a plain connection is asked for once more without it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ottla.cli.connection import Connection
from ottla.cli.errors import CommandError
from ottla.cli.explanations import REMEDIES
from ottla.client.one_request import NotKafkaError, ask
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.protocol.messages.describe_acls import DescribeAclsRequest, DescribeAclsResponse

if TYPE_CHECKING:
    from confluent_kafka.admin import AclBinding, AclBindingFilter

CLUSTER_NAME: Final = "kafka-cluster"

RESOURCE_TYPES: Final = ("topic", "group", "cluster", "transactional-id")
"""Those that confluent-kafka has names for; rules about tokens and users need Apache Kafka's own tool."""
_CONFLUENT_TYPES: Final = {
    "topic": "TOPIC",
    "group": "GROUP",
    "cluster": "BROKER",
    "transactional-id": "TRANSACTIONAL_ID",
}
_OUR_TYPES: Final = {name: ours for ours, name in _CONFLUENT_TYPES.items()}
OPERATIONS: Final = (
    "all",
    "read",
    "write",
    "create",
    "delete",
    "alter",
    "describe",
    "cluster-action",
    "describe-configs",
    "alter-configs",
    "idempotent-write",
)
ANY: Final = "any"
_ANY_CODE: Final = 1
_DESCRIBE_VERSION: Final = 1
"""Kafka 2.0's, which every broker serves."""


@dataclass(frozen=True, slots=True, order=True)
class AccessRule:
    """Who may, or may not, do what to which resources, from where. A word that confluent-kafka has none for is `unknown`."""

    resource_type: str
    name: str
    pattern: str
    """`literal` (`*` stands for all) or `prefixed`."""
    principal: str
    host: str
    """An address, or `*` for anywhere."""
    operation: str
    permission: str
    """`allow` or `deny`."""


@dataclass(frozen=True, slots=True)
class RuleFilter:
    """Which rules are meant; None, and `ANY`, take all."""

    resource_type: str = ANY
    name: str | None = None
    pattern: str = ANY
    """Also `match`: whatever would hold for a resource of this name."""
    principal: str | None = None
    host: str | None = None
    operation: str = ANY
    permission: str = ANY


def access_rules(connection: Connection, wanted: RuleFilter) -> list[AccessRule]:
    """The rules that match, sorted."""
    future = connection.admin().describe_acls(_filter(wanted), request_timeout=connection.timeout_s)
    rules = sorted(map(_rule, connection.wait(future, "read the access rules")))
    if not rules and tells_refusals(connection):
        _raise_if_refused(connection)
    return rules


def tells_refusals(connection: Connection) -> bool:
    """Whether an empty list means that there are no rules, not that they may not be seen."""
    return str(connection.properties.get("security.protocol", "plaintext")).lower() == "plaintext"


def _raise_if_refused(connection: Connection) -> None:
    nothing = DescribeAclsRequest(
        resource_type_filter=_ANY_CODE,
        resource_name_filter="",
        pattern_type_filter=_ANY_CODE,
        operation=_ANY_CODE,
        permission_type=_ANY_CODE,
    )
    for address in connection.addresses:
        try:
            answer = ask(
                *(address.host, address.port, nothing),
                *(DescribeAclsResponse, _DESCRIBE_VERSION, connection.timeout_s),
            )
        except (OSError, NotKafkaError, ProtocolError):
            continue
        if answer.error_code:
            name = ErrorCode(answer.error_code).name
            raise CommandError(
                f"cannot read the access rules: {answer.error_message or name} ({name})",
                where=str(address),
                remedy=REMEDIES.get(name),
            )
        return


def add_access_rules(connection: Connection, rules: Iterable[AccessRule]) -> None:
    """Make rules; those that are there stay. Raises for the first that is refused; the others are made all the same."""
    bindings = [_binding(rule) for rule in dict.fromkeys(rules)]
    futures = connection.admin().create_acls(bindings, request_timeout=connection.timeout_s)
    for binding in bindings:
        connection.wait(
            futures[binding], "make an access rule", subject=f"{_rule(binding).resource_type} {binding.name}"
        )


def remove_access_rules(connection: Connection, wanted: Sequence[RuleFilter]) -> list[AccessRule]:
    """Take all rules away that any filter matches; returns them, sorted."""
    filters = [_filter(each) for each in dict.fromkeys(wanted)]
    futures = connection.admin().delete_acls(filters, request_timeout=connection.timeout_s)
    removed: dict[AccessRule, None] = {}
    for each in filters:
        for binding in connection.wait(futures[each], "take access rules away"):
            removed[_rule(binding)] = None
    return sorted(removed)


def _binding(rule: AccessRule) -> "AclBinding":
    from confluent_kafka.admin import (
        AclBinding,
        AclOperation,
        AclPermissionType,
        ResourcePatternType,
        ResourceType,
    )

    return AclBinding(
        ResourceType[_CONFLUENT_TYPES[rule.resource_type]],
        rule.name,
        ResourcePatternType[rule.pattern.upper()],
        rule.principal,
        rule.host,
        AclOperation[_constant(rule.operation)],
        AclPermissionType[rule.permission.upper()],
    )


def _filter(wanted: RuleFilter) -> "AclBindingFilter":
    from confluent_kafka.admin import (
        AclBindingFilter,
        AclOperation,
        AclPermissionType,
        ResourcePatternType,
        ResourceType,
    )

    return AclBindingFilter(
        ResourceType[_CONFLUENT_TYPES.get(wanted.resource_type, "ANY")],
        wanted.name,  # type: ignore[arg-type]  # None takes all, here and below
        ResourcePatternType[wanted.pattern.upper()],
        wanted.principal,  # type: ignore[arg-type]
        wanted.host,  # type: ignore[arg-type]
        AclOperation[_constant(wanted.operation)],
        AclPermissionType[wanted.permission.upper()],
    )


def _rule(binding: "AclBinding") -> AccessRule:
    return AccessRule(
        resource_type=_OUR_TYPES.get(_word(binding.restype), "unknown"),
        name=binding.name,
        pattern=_word(binding.resource_pattern_type).lower(),
        principal=binding.principal,
        host=binding.host,
        operation=_word(binding.operation).lower().replace("_", "-"),
        permission=_word(binding.permission_type).lower(),
    )


def _word(member: object) -> str:
    """confluent-kafka declares that these may be numbers; they are members of its enums."""
    return str(getattr(member, "name", member))


def _constant(operation: str) -> str:
    return operation.upper().replace("-", "_")
