"""Access rules: shown, made, taken away.

Asked without confluent-kafka (2.16), which has no names for rules about users and delegation tokens, and gives an empty list where
the broker refused to show any.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeVar

from ottla.cli.connection import Connection
from ottla.cli.requests.answers import answered, raise_unless_fine
from ottla.cluster.acl_bindings import AclOperation, PatternType, PermissionType, ResourceType
from ottla.protocol.messages.create_acls import AclCreation, CreateAclsRequest, CreateAclsResponse
from ottla.protocol.messages.delete_acls import DeleteAclsFilter, DeleteAclsRequest, DeleteAclsResponse
from ottla.protocol.messages.describe_acls import DescribeAclsRequest, DescribeAclsResponse

CLUSTER_NAME: Final = "kafka-cluster"
ANY: Final = "any"
UNKNOWN: Final = "unknown"

_VERSION: Final = 1
"""Kafka 2.0's, which every broker serves."""
_VERSION_OF_USERS: Final = 3
"""The first in which rules may be about users."""

Code = TypeVar("Code", bound=IntEnum)


def _word(member: IntEnum) -> str:
    return member.name.lower().replace("_", "-")


def _code(kind: type[Code], word: str) -> Code:
    return kind[word.upper().replace("-", "_")]


RESOURCE_TYPES: Final = tuple(_word(each) for each in ResourceType if each > ResourceType.ANY)
OPERATIONS: Final = tuple(_word(each) for each in AclOperation if each > AclOperation.ANY)


@dataclass(frozen=True, slots=True, order=True)
class AccessRule:
    """Who may, or may not, do what to which resources, from where. What a newer broker has and we have no word for is `unknown`."""

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
    doing = "read the access rules"
    request = DescribeAclsRequest(
        resource_type_filter=_code(ResourceType, wanted.resource_type),
        resource_name_filter=wanted.name,
        pattern_type_filter=_code(PatternType, wanted.pattern),
        principal_filter=wanted.principal,
        host_filter=wanted.host,
        operation=_code(AclOperation, wanted.operation),
        permission_type=_code(PermissionType, wanted.permission),
    )
    answer = answered(connection, request, DescribeAclsResponse, _version(wanted.resource_type), doing)
    raise_unless_fine(answer.error_code, answer.error_message, doing, connection.bootstrap)
    return sorted(
        _rule(
            (resource.resource_type, resource.resource_name, resource.pattern_type),
            (entry.principal, entry.host, entry.operation, entry.permission_type),
        )
        for resource in answer.resources
        for entry in resource.acls
    )


def add_access_rules(connection: Connection, rules: Iterable[AccessRule]) -> None:
    """Make rules; those that are there stay. Raises for the first that is refused; the others are made all the same."""
    doing, wanted = "make an access rule", list(dict.fromkeys(rules))
    creations = [
        AclCreation(
            resource_type=_code(ResourceType, rule.resource_type),
            resource_name=rule.name,
            resource_pattern_type=_code(PatternType, rule.pattern),
            principal=rule.principal,
            host=rule.host,
            operation=_code(AclOperation, rule.operation),
            permission_type=_code(PermissionType, rule.permission),
        )
        for rule in wanted
    ]
    version = max((_version(rule.resource_type) for rule in wanted), default=_VERSION)
    answer = answered(connection, CreateAclsRequest(creations=creations), CreateAclsResponse, version, doing)
    for rule, result in zip(wanted, answer.results, strict=True):
        where = f"{rule.resource_type} {rule.name} on {connection.bootstrap}"
        raise_unless_fine(result.error_code, result.error_message, doing, where)


def remove_access_rules(connection: Connection, wanted: Sequence[RuleFilter]) -> list[AccessRule]:
    """Take all rules away that any filter matches; returns them, sorted."""
    doing = "take access rules away"
    filters = [
        DeleteAclsFilter(
            resource_type_filter=_code(ResourceType, each.resource_type),
            resource_name_filter=each.name,
            pattern_type_filter=_code(PatternType, each.pattern),
            principal_filter=each.principal,
            host_filter=each.host,
            operation=_code(AclOperation, each.operation),
            permission_type=_code(PermissionType, each.permission),
        )
        for each in dict.fromkeys(wanted)
    ]
    version = max((_version(each.resource_type) for each in wanted), default=_VERSION)
    answer = answered(connection, DeleteAclsRequest(filters=filters), DeleteAclsResponse, version, doing)
    removed: set[AccessRule] = set()
    for result in answer.filter_results:
        raise_unless_fine(result.error_code, result.error_message, doing, connection.bootstrap)
        for each in result.matching_acls:
            raise_unless_fine(each.error_code, each.error_message, doing, connection.bootstrap)
            removed.add(
                _rule(
                    (each.resource_type, each.resource_name, each.pattern_type),
                    (each.principal, each.host, each.operation, each.permission_type),
                )
            )
    return sorted(removed)


def _version(resource_type: str) -> int:
    return _VERSION_OF_USERS if resource_type == _word(ResourceType.USER) else _VERSION


def _rule(resource: tuple[int, str, int], entry: tuple[str, str, int, int]) -> AccessRule:
    """Out of a resource's type, name and pattern, and a principal, host, operation and permission, as numbers of the wire."""
    resource_type, name, pattern = resource
    principal, host, operation, permission = entry
    return AccessRule(
        resource_type=_told(ResourceType, resource_type),
        name=name,
        pattern=_told(PatternType, pattern),
        principal=principal,
        host=host,
        operation=_told(AclOperation, operation),
        permission=_told(PermissionType, permission),
    )


def _told(kind: type[IntEnum], code: int) -> str:
    try:
        return _word(kind(code))
    except ValueError:
        return UNKNOWN
