"""Access rules by the admin clients of confluent-kafka and kafka-python (aiokafka's has no calls for them)."""

from __future__ import annotations

from collections.abc import Callable

import kafka
import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLFilter, ACLResourcePatternType, ResourcePattern, ResourcePatternFilter
from kafka.admin import ACLOperation as PythonOperation
from kafka.admin import ACLPermissionType as PythonPermission
from kafka.admin import ResourceType as PythonResource

from brokers import Broker
from conditions import until


def test_confluent_kafka_s_rules(guarded_broker: Broker, unique_name: Callable[[str], str]) -> None:
    """Made, found by what would hold for a name, taken away."""
    admin = AdminClient({"bootstrap.servers": guarded_broker.bootstrap_servers})
    name = unique_name("confluent")

    def binding(
        kind: ResourceType, pattern: ResourcePatternType, operation: AclOperation, allowed: bool = True
    ) -> AclBinding:
        permission = AclPermissionType.ALLOW if allowed else AclPermissionType.DENY
        return AclBinding(kind, name, pattern, f"User:{name}", "*", operation, permission)

    rules = [
        binding(ResourceType.TOPIC, ResourcePatternType.LITERAL, AclOperation.READ),
        binding(ResourceType.TOPIC, ResourcePatternType.PREFIXED, AclOperation.IDEMPOTENT_WRITE, False),
        binding(ResourceType.GROUP, ResourcePatternType.PREFIXED, AclOperation.ALL),
    ]
    for future in admin.create_acls(rules).values():
        assert future.result(30) is None

    def found(wanted: str, pattern: ResourcePatternType) -> list[AclBinding]:
        every = AclBindingFilter(
            *(ResourceType.ANY, wanted, pattern, f"User:{name}", None),
            *(AclOperation.ANY, AclPermissionType.ANY),
        )
        return sorted(admin.describe_acls(every).result(30))

    until(lambda: found(name, ResourcePatternType.ANY), lambda seen: seen == sorted(rules))
    assert found(f"{name}-x", ResourcePatternType.MATCH) == sorted(rules[1:])
    every = AclBindingFilter(
        ResourceType.ANY,
        name,
        ResourcePatternType.ANY,
        f"User:{name}",
        None,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    [future] = admin.delete_acls([every]).values()
    assert sorted(future.result(30)) == sorted(rules)
    until(lambda: found(name, ResourcePatternType.ANY), lambda seen: seen == [])


def test_confluent_kafka_hears_what_is_wrong(guarded_broker: Broker) -> None:
    """With the rule that it was about."""
    admin = AdminClient({"bootstrap.servers": guarded_broker.bootstrap_servers})
    rule = AclBinding(
        ResourceType.BROKER,
        "other-cluster",
        ResourcePatternType.LITERAL,
        "User:alice",
        "*",
        AclOperation.ALTER,
        AclPermissionType.ALLOW,
    )
    with pytest.raises(KafkaException, match="only valid name for the CLUSTER resource is kafka-cluster"):
        admin.create_acls([rule])[rule].result(30)


def test_kafka_python_s_rules(guarded_broker: Broker, unique_name: Callable[[str], str]) -> None:
    """Also about users, whom others may want tokens for."""
    admin = KafkaAdminClient(bootstrap_servers=guarded_broker.bootstrap_servers)
    name = unique_name("python")
    user = f"User:{name}"
    try:
        rules = [
            ACL(
                user,
                "192.0.2.1",
                PythonOperation.DESCRIBE,
                PythonPermission.DENY,
                ResourcePattern(PythonResource.TRANSACTIONAL_ID, name, ACLResourcePatternType.PREFIXED),
            ),
            ACL(
                user,
                "*",
                PythonOperation.CREATE_TOKENS,
                PythonPermission.ALLOW,
                ResourcePattern(PythonResource.USER, user),
            ),
        ]
        outcome = admin.create_acls(rules)
        assert (len(outcome["succeeded"]), outcome["failed"]) == (2, [])
        own = ACLFilter(
            user,
            None,
            PythonOperation.ANY,
            PythonPermission.ANY,
            ResourcePatternFilter(PythonResource.ANY, None, ACLResourcePatternType.ANY),
        )

        def found() -> set[ACL]:
            acls, error = admin.describe_acls(own)
            assert error is kafka.errors.NoError
            return set(acls)

        until(found, lambda seen: seen == set(rules))
        [(_, gone, error)] = admin.delete_acls([own])
        assert (set(gone), error) == (set(rules), kafka.errors.NoError)
        until(found, lambda seen: seen == set())
    finally:
        admin.close()
