"""Access rules go to Apache Kafka 3.9.1 in ZooKeeper mode with the rest of the metadata, and come back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from brokers import Broker, OttlaBroker
from conditions import until
from zookeeper_server import ApacheOnZooKeeper, ZooKeeperServer

AUTHORIZER = {
    "authorizer.class.name": "kafka.security.authorizer.AclAuthorizer",
    "super.users": "User:ANONYMOUS",
}


def rule(
    kind: ResourceType,
    name: str,
    pattern: ResourcePatternType,
    operation: AclOperation,
    *,
    principal: str = "User:alice",
    host: str = "*",
    permission: AclPermissionType = AclPermissionType.ALLOW,
) -> AclBinding:
    return AclBinding(kind, name, pattern, principal, host, operation, permission)


LITERAL, PREFIXED = ResourcePatternType.LITERAL, ResourcePatternType.PREFIXED
BY_OTTLA = [
    *(rule(ResourceType.TOPIC, "orders", LITERAL, each) for each in AclOperation if each.value > 1),
    rule(ResourceType.TOPIC, "*", LITERAL, AclOperation.READ, permission=AclPermissionType.DENY),
    rule(
        ResourceType.GROUP, "a b-Ä", PREFIXED, AclOperation.READ, principal="User:CN=x,OU=y", host="192.0.2.1"
    ),
    rule(ResourceType.TRANSACTIONAL_ID, 'quoted"\\', LITERAL, AclOperation.WRITE, principal="User:*"),
    rule(ResourceType.BROKER, "kafka-cluster", LITERAL, AclOperation.ALL),
]
BY_APACHE = [
    rule(ResourceType.TOPIC, "orders", LITERAL, AclOperation.READ, principal="User:bob"),
    rule(ResourceType.TOPIC, "by-apache-", PREFIXED, AclOperation.WRITE),
]


def every(name: str | None = None) -> AclBindingFilter:
    return AclBindingFilter(
        ResourceType.ANY,
        name,  # type: ignore[arg-type]
        ResourcePatternType.ANY,
        None,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def create(broker: Broker, rules: list[AclBinding]) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    for future in admin.create_acls(rules).values():
        future.result(30)


def described(broker: Broker) -> set[AclBinding]:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    return set(admin.describe_acls(every()).result(30))


def move(source: str, target: str, file: Path) -> None:
    """Out of one tree into another, by the command that users have."""
    ottla = str(Path(sys.executable).with_name("ottla"))
    for words in (["export", source, "--output", str(file)], ["import", str(file), target]):
        ended = subprocess.run([ottla, "cluster", *words], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr


def test_rules_go_to_apache_and_back(tmp_path: Path) -> None:
    """Apache's AclAuthorizer reads what Ottla kept, changes it, and Ottla reads that."""
    logs = {"log.dirs": str(tmp_path / "logs")}
    first, second = str(tmp_path / "metadata-1"), str(tmp_path / "metadata-2")
    with OttlaBroker(tmp_path / "ottla-1", {**logs, **AUTHORIZER, "ottla.metadata.dir": first}) as broker:
        create(broker, BY_OTTLA)
        assert described(broker) == set(BY_OTTLA)

    with ZooKeeperServer(tmp_path / "zookeeper") as zookeeper:
        address = f"{zookeeper.address}/kafka"
        move(first, f"zookeeper://{address}", tmp_path / "there.jsonl")
        settings = {**logs, **AUTHORIZER, "zookeeper.connect": address}
        with ApacheOnZooKeeper(tmp_path / "apache", settings) as apache:
            assert described(apache) == set(BY_OTTLA)
            create(apache, BY_APACHE)
            admin = AdminClient({"bootstrap.servers": apache.bootstrap_servers})
            [gone] = admin.delete_acls([every("kafka-cluster")]).values()
            assert gone.result(30) == BY_OTTLA[-1:]
            left = {*BY_OTTLA[:-1], *BY_APACHE}
            until(lambda: described(apache), lambda seen: seen == left)
        move(f"zookeeper://{address}", second, tmp_path / "back.jsonl")

    home = OttlaBroker(tmp_path / "ottla-2", {**logs, **AUTHORIZER, "ottla.metadata.dir": second})
    with home:
        assert described(home) == left
        create(home, BY_OTTLA[-1:])
        assert described(home) == {*left, BY_OTTLA[-1]}
