"""Access rules in the tree: where they lie, and their bytes, as `AclAuthorizer` of Apache Kafka 3.9 has them (`ZkData`).

    /kafka-acl/Topic/orders                        {"acls":[{"principal":"User:alice","permissionType":"Allow",
                                                             "host":"*","operation":"Read"},…],"version":1}
    /kafka-acl-extended/prefixed/Group/app-        likewise
    /kafka-acl-changes/acl_changes_<sequence>            TOPIC:orders
    /kafka-acl-extended-changes/acl_changes_<sequence>   {"version":1,"resourceType":"GROUP","name":"app-",
                                                          "patternType":"PREFIXED"}

A path can't hold every name that a group or a transactional id may have (`a/b`, control characters); Apache 3.9 can't
keep rules about such, 4.1 can. Here they lie below `/ottla/acl`, their names quoted as in URLs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, TypeVar

from ottla.cluster import paths
from ottla.cluster.acl_bindings import (
    AclEntry,
    AclNode,
    AclOperation,
    PatternType,
    PermissionType,
    ResourcePattern,
    ResourceType,
)
from ottla.cluster.image import ImageDraft
from ottla.cluster.tree import InvalidPath, Tree, check_path
from ottla.cluster.znodes import MalformedNode

VERSION: Final = 1

RESOURCE_TYPES: Final[Mapping[str, ResourceType]] = {
    "Topic": ResourceType.TOPIC,
    "Group": ResourceType.GROUP,
    "Cluster": ResourceType.CLUSTER,
    "TransactionalId": ResourceType.TRANSACTIONAL_ID,
    "DelegationToken": ResourceType.DELEGATION_TOKEN,
    "User": ResourceType.USER,
}
_ROOTS: Final[Mapping[PatternType, str]] = {
    PatternType.LITERAL: paths.ACL,
    PatternType.PREFIXED: f"{paths.EXTENDED_ACL}/prefixed",
}
_OUR_ROOTS: Final[Mapping[PatternType, str]] = {
    PatternType.LITERAL: f"{paths.OUR_ACL}/literal",
    PatternType.PREFIXED: f"{paths.OUR_ACL}/prefixed",
}

PERSISTENT: Final = (
    *(f"{root}/{type_name}" for root in _ROOTS.values() for type_name in RESOURCE_TYPES),
    paths.ACL_CHANGES,
    paths.EXTENDED_ACL_CHANGES,
    *(f"{root}/{type_name}" for root in _OUR_ROOTS.values() for type_name in RESOURCE_TYPES),
)
"""Made, with their parents, where access rules are served (`KafkaZkClient.createAclPaths`, and ours)."""

_Value = TypeVar("_Value")


def _pascal_case(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


_TYPE_NAMES: Final = {resource_type: name for name, resource_type in RESOURCE_TYPES.items()}
_OPERATION_NAMES: Final = {operation: _pascal_case(operation.name) for operation in AclOperation}
_PERMISSION_NAMES: Final = {permission: _pascal_case(permission.name) for permission in PermissionType}
_OPERATIONS: Final = {name.lower(): operation for operation, name in _OPERATION_NAMES.items()}
_PERMISSIONS: Final = {name.lower(): permission for permission, name in _PERMISSION_NAMES.items()}


def path(pattern: ResourcePattern) -> str:
    """The node of a pattern's rules."""
    type_name = _TYPE_NAMES[pattern.resource_type]
    apache = f"{_ROOTS[pattern.pattern_type]}/{type_name}/{pattern.name}"
    if _is_one_name(pattern.name) and _is_valid(apache):
        return apache
    return f"{_OUR_ROOTS[pattern.pattern_type]}/{type_name}/{_quoted(pattern.name)}"


def change(pattern: ResourcePattern) -> tuple[str, bytes]:
    """What tells other brokers of a changed pattern: a path to be made as a sequential node, and its data."""
    if pattern.pattern_type is PatternType.LITERAL:
        told = f"{pattern.resource_type.name}:{pattern.name}"
        return f"{paths.ACL_CHANGES}/acl_changes_", told.encode()
    value: dict[str, str | int] = {
        "version": VERSION,
        "resourceType": pattern.resource_type.name,
        "name": pattern.name,
        "patternType": pattern.pattern_type.name,
    }
    return f"{paths.EXTENDED_ACL_CHANGES}/acl_changes_", _json(value).encode()


def encode(entries: Iterable[AclEntry]) -> bytes:
    return f'{{"acls":[{",".join(map(_encode_entry, entries))}],"version":{VERSION}}}'.encode()


@lru_cache(maxsize=1_024)
def _encode_entry(entry: AclEntry) -> str:
    """Cached, since the same few entries stand in thousands of nodes, and a node is written whole for one entry more."""
    return _json(
        {
            "principal": entry.principal,
            "permissionType": _PERMISSION_NAMES[entry.permission],
            "host": entry.host,
            "operation": _OPERATION_NAMES[entry.operation],
        }
    )


def decode(node_path: str, data: bytes) -> tuple[AclEntry, ...]:
    """Raises `MalformedNode` for whatever can't be read: passed over, a denial would let somebody in."""
    if not data:
        return ()
    try:
        value = json.loads(data)
        if value["version"] != VERSION:
            raise MalformedNode(node_path, f"version {value['version']!r} of access rules is not known")
        entries = [_decode_entry(node_path, item) for item in value["acls"]]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedNode(node_path, f"not access rules ({error!r}): {data[:100]!r}") from error
    return tuple(dict.fromkeys(entries))


def _decode_entry(node_path: str, item: Mapping[str, str]) -> AclEntry:
    principal, host = item["principal"], item["host"]
    if not isinstance(principal, str) or not isinstance(host, str) or ":" not in principal:
        raise MalformedNode(node_path, f"{principal!r} at {host!r} is nobody that a rule can be about")
    return AclEntry(
        principal,
        host,
        _named(node_path, _OPERATIONS, item["operation"]),
        _named(node_path, _PERMISSIONS, item["permissionType"]),
    )


def _named(node_path: str, values: Mapping[str, _Value], name: str) -> _Value:
    value = values.get(name.replace("_", "").lower())
    if value is None:
        raise MalformedNode(node_path, f"{name!r} is not known in access rules")
    return value


async def read_acls(tree: Tree, draft: ImageDraft) -> None:
    """All rules, put into the draft. Raises `MalformedNode`, or what the tree raises."""
    for pattern in draft.older.acls:
        draft.remove_acls(pattern)
    places = [
        (pattern_type, root, type_name)
        for roots in (_ROOTS, _OUR_ROOTS)
        for pattern_type, root in roots.items()
        for type_name in RESOURCE_TYPES
    ]
    listed = await tree.children_many([f"{root}/{type_name}" for _, root, type_name in places])
    found = [
        (f"{root}/{type_name}/{name}", ResourcePattern(RESOURCE_TYPES[type_name], _name(root, name), kind))
        for (kind, root, type_name), names in zip(places, listed, strict=True)
        for name in names or ()
    ]
    nodes = await tree.get_many([node_path for node_path, _ in found])
    for (node_path, pattern), node in zip(found, nodes, strict=True):
        if node is not None:
            entries = decode(node_path, node[0])
            if entries:
                draft.put_acls(pattern, AclNode(entries, node[1].version))


def _name(root: str, name: str) -> str:
    if root not in _OUR_ROOTS.values():
        return name
    from urllib.parse import unquote  # noqa: PLC0415 - hardly any tree has such a name

    return unquote(name)


def _quoted(name: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - as above

    return quote(name, safe="").replace(".", "%2E")


def _is_one_name(name: str) -> bool:
    return "/" not in name


def _is_valid(node_path: str) -> bool:
    try:
        check_path(node_path)
    except InvalidPath:
        return False
    return True


def _json(value: Mapping[str, str | int]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
