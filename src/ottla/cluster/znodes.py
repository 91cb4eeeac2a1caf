"""The bytes of the nodes: JSON exactly as Apache Kafka 3.9 writes it (`kafka.zk.ZkData`), read as leniently as there.

Apache's JSON has no white space and non-ASCII characters as they are; keys stand here in the order in which its Scala
maps happen to give them, so that nodes written by either compare equal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from ottla.cluster.changes import ProducerIdBlock
from ottla.cluster.image import BrokerRegistration, Endpoint, PartitionState
from ottla.protocol.types import Uuid, parse_uuid, uuid_text

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

BROKER_VERSION: Final = 5
TOPIC_VERSION: Final = 3
_RECOVERED: Final = 0
_RECOVERING: Final = 1


class MalformedNode(Exception):  # noqa: N818 - a node that is malformed, as NoNode is a node that isn't
    """A node's bytes are not what this layout says they are: another program wrote them, or a newer Kafka."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"node {path} can't be read: {why}")
        self.path = path
        self.why = why


class ReplicaAssignment(NamedTuple):
    """Where a partition's replicas are, and during a reassignment which of them come and go."""

    replicas: tuple[int, ...]
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()


class TopicNode(NamedTuple):
    topic_id: Uuid | None
    """None in nodes of version 1 and 2 (Kafka before 2.8); the controller then gives the topic one."""
    assignments: Mapping[int, ReplicaAssignment]


def encode_broker(registration: BrokerRegistration, timestamp_ms: int, jmx_port: int = -1) -> bytes:
    """A broker's address of old clients (`host`, `port`) is its first PLAINTEXT endpoint, as Apache writes it."""
    plaintext = next((e for e in registration.endpoints if e.security_protocol == "PLAINTEXT"), None)
    value: dict[str, JsonValue] = {
        "features": {
            name: {"min_version": lowest, "max_version": highest}
            for name, (lowest, highest) in registration.features.items()
        },
        "listener_security_protocol_map": {
            e.listener_name: e.security_protocol for e in registration.endpoints
        },
        "endpoints": [f"{e.listener_name}://{_bracketed(e.host)}:{e.port}" for e in registration.endpoints],
    }
    if registration.rack is not None:
        value["rack"] = registration.rack
    value |= {
        "jmx_port": jmx_port,
        "port": -1 if plaintext is None else plaintext.port,
        "host": None if plaintext is None else plaintext.host,
        "version": BROKER_VERSION,
        "timestamp": str(timestamp_ms),
    }
    return _encode(value)


def decode_broker(path: str, broker_id: int, data: bytes, epoch: int) -> BrokerRegistration:
    """Nodes of version 1 have one address only; from 2 on `endpoints` counts, 4 brought the listeners' protocols."""
    node = _Node(path, data)
    protocols = node.object("listener_security_protocol_map", {})
    endpoints = [_parse_endpoint(path, text, protocols) for text in node.strings("endpoints", [])] or [
        Endpoint("PLAINTEXT", "PLAINTEXT", node.string("host"), node.integer("port"))
    ]
    features = node.object("features", {})
    return BrokerRegistration(
        broker_id=broker_id,
        epoch=epoch,
        endpoints=tuple(endpoints),
        rack=node.optional_string("rack"),
        features={name: _feature_range(path, levels) for name, levels in features.items()},
    )


def encode_topic(topic_id: Uuid | None, assignments: Mapping[int, ReplicaAssignment]) -> bytes:
    def by_partition(replicas: Mapping[int, Sequence[int]]) -> JsonValue:
        return {str(partition): list(ids) for partition, ids in replicas.items()}

    value: dict[str, JsonValue] = {
        "partitions": by_partition({p: a.replicas for p, a in assignments.items()})
    }
    if topic_id is not None:
        value["topic_id"] = uuid_text(topic_id)
    value["adding_replicas"] = by_partition({p: a.adding for p, a in assignments.items() if a.adding})
    value["removing_replicas"] = by_partition({p: a.removing for p, a in assignments.items() if a.removing})
    value["version"] = TOPIC_VERSION if topic_id is not None else TOPIC_VERSION - 1
    return _encode(value)


def decode_topic(path: str, data: bytes) -> TopicNode:
    node = _Node(path, data)
    adding = node.object("adding_replicas", {})
    removing = node.object("removing_replicas", {})
    assignments: dict[int, ReplicaAssignment] = {}
    for text, replicas in node.object("partitions").items():
        if not text.isdecimal():
            raise MalformedNode(path, f"{text!r} is not a partition")
        assignments[int(text)] = ReplicaAssignment(
            _broker_ids(path, replicas),
            _broker_ids(path, adding.get(text, [])),
            _broker_ids(path, removing.get(text, [])),
        )
    topic_id = node.optional_string("topic_id")
    try:
        parsed = None if topic_id is None else parse_uuid(topic_id)
    except ValueError as error:
        raise MalformedNode(path, str(error)) from error
    return TopicNode(parsed, dict(sorted(assignments.items())))


def encode_state(state: PartitionState) -> bytes:
    return _encode_state(
        state.controller_epoch, state.leader, state.leader_epoch, state.isr, state.recovering
    )


@lru_cache(maxsize=256)
def _encode_state(
    controller_epoch: int, leader: int, leader_epoch: int, isr: tuple[int, ...], recovering: bool
) -> bytes:
    """Cached, because a topic of thousands of partitions has few different states when it is made."""
    value: dict[str, JsonValue] = {
        "controller_epoch": controller_epoch,
        "leader": leader,
        "version": 1,
        "leader_epoch": leader_epoch,
        "isr": list(isr),
    }
    if recovering:
        value["leader_recovery_state"] = _RECOVERING
    return _encode(value)


def decode_state(
    path: str, data: bytes, partition_epoch: int, assignment: ReplicaAssignment
) -> PartitionState:
    try:
        isr, leader, leader_epoch, controller_epoch, recovering = _decode_state(data)
    except MalformedNode as error:
        raise MalformedNode(path, error.why) from error
    return PartitionState(
        replicas=assignment.replicas,
        isr=isr,
        leader=leader,
        leader_epoch=leader_epoch,
        partition_epoch=partition_epoch,
        controller_epoch=controller_epoch,
        adding_replicas=assignment.adding,
        removing_replicas=assignment.removing,
        recovering=recovering,
    )


@lru_cache(maxsize=256)
def _decode_state(data: bytes) -> tuple[tuple[int, ...], int, int, int, bool]:
    """Cached for the same reason as `_encode_state`."""
    node = _Node("", data)
    return (
        _broker_ids("", node.value("isr")),
        node.integer("leader"),
        node.integer("leader_epoch"),
        node.integer("controller_epoch"),
        node.integer("leader_recovery_state", _RECOVERED) == _RECOVERING,
    )


def encode_config(values: Mapping[str, str]) -> bytes:
    return _encode({"version": 1, "config": dict(values)})


def decode_config(path: str, data: bytes) -> dict[str, str]:
    if not data:
        return {}
    return _string_map(path, _Node(path, data).object("config", {}))


def encode_config_change(entity_path: str) -> bytes:
    """`entity_path` is the config's path below `/config`."""
    return _encode({"version": 2, "entity_path": entity_path})


def encode_controller(broker_id: int, timestamp_ms: int) -> bytes:
    return _encode(
        {"version": 2, "brokerid": broker_id, "timestamp": str(timestamp_ms), "kraftControllerEpoch": -1}
    )


def decode_controller(path: str, data: bytes) -> int:
    return _Node(path, data).integer("brokerid")


def encode_controller_epoch(epoch: int) -> bytes:
    return str(epoch).encode()


def decode_controller_epoch(path: str, data: bytes) -> int:
    try:
        return int(data)
    except ValueError as error:
        raise MalformedNode(path, f"{data!r} is not a number") from error


def encode_cluster_id(cluster_id: str) -> bytes:
    return _encode({"version": "1", "id": cluster_id})


def decode_cluster_id(path: str, data: bytes) -> str:
    return _Node(path, data).string("id")


def encode_apache_features() -> bytes:
    """What Apache 3.9 writes when it has no features to finalize, which in ZooKeeper mode is always."""
    return _encode({"features": {}, "version": 2, "status": 1})


def encode_features(finalized: Mapping[str, int], chosen: Mapping[str, int]) -> bytes:
    return _encode({"version": 1, "features": dict(finalized), "chosen": dict(chosen)})


def decode_features(path: str, data: bytes) -> tuple[dict[str, int], dict[str, int]]:
    """The levels that are finalized, and those that somebody chose."""
    node = _Node(path, data)
    return _levels(path, node.object("features")), _levels(path, node.object("chosen", {}))


def _levels(path: str, value: Mapping[str, JsonValue]) -> dict[str, int]:
    levels: dict[str, int] = {}
    for name, level in value.items():
        if not isinstance(level, int):
            raise MalformedNode(path, f"level {level!r} of feature {name} is not a number")
        levels[name] = level
    return levels


def encode_producer_id_block(broker_id: int, block: ProducerIdBlock) -> bytes:
    last = block.first + block.size - 1
    return _encode(
        {"version": 1, "broker": broker_id, "block_start": str(block.first), "block_end": str(last)}
    )


def decode_producer_id_block(path: str, data: bytes) -> ProducerIdBlock:
    node = _Node(path, data)
    try:
        first, last = int(node.string("block_start")), int(node.string("block_end"))
    except ValueError as error:
        raise MalformedNode(path, "block_start and block_end must be numbers") from error
    return ProducerIdBlock(first, last - first + 1)


def _encode(value: JsonValue) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _parse_endpoint(path: str, text: str, protocols: Mapping[str, JsonValue]) -> Endpoint:
    listener_name, separator, address = text.partition("://")
    host, colon, port = address.rpartition(":")
    if not separator or not colon or not port.lstrip("-").isdecimal():
        raise MalformedNode(path, f"endpoint {text!r} is not of the form NAME://host:port")
    protocol = protocols.get(listener_name, listener_name)
    return Endpoint(listener_name, str(protocol), host.removeprefix("[").removesuffix("]"), int(port))


def _feature_range(path: str, levels: JsonValue) -> tuple[int, int]:
    if isinstance(levels, dict):
        lowest, highest = levels.get("min_version"), levels.get("max_version")
        if isinstance(lowest, int) and isinstance(highest, int):
            return lowest, highest
    raise MalformedNode(path, f"{levels!r} is not a range of feature levels")


def _broker_ids(path: str, value: JsonValue) -> tuple[int, ...]:
    if isinstance(value, list):
        ids = tuple(item for item in value if isinstance(item, int))
        if len(ids) == len(value):
            return ids
    raise MalformedNode(path, f"{value!r} is not a list of broker ids")


def _string_map(path: str, value: Mapping[str, JsonValue]) -> dict[str, str]:
    strings = {name: item for name, item in value.items() if isinstance(item, str)}
    if len(strings) != len(value):
        raise MalformedNode(path, "a setting's value is not a string")
    return strings


class _Node:
    """A node's JSON object, read key by key; whatever is amiss is a `MalformedNode` that names the path."""

    __slots__ = ("_members", "_path")

    def __init__(self, path: str, data: bytes) -> None:
        self._path = path
        try:
            value: JsonValue = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise MalformedNode(path, f"not JSON ({error}): {data[:100]!r}") from error
        if not isinstance(value, dict):
            raise MalformedNode(path, f"not a JSON object: {data[:100]!r}")
        self._members = value

    def value(self, key: str) -> JsonValue:
        if key not in self._members:
            raise MalformedNode(self._path, f"{key!r} is missing")
        return self._members[key]

    def integer(self, key: str, default: int | None = None) -> int:
        if default is not None and key not in self._members:
            return default
        value = self.value(key)
        if not isinstance(value, int):
            raise self._wrong(key, value, "a number")
        return value

    def string(self, key: str) -> str:
        value = self.value(key)
        if not isinstance(value, str):
            raise self._wrong(key, value, "a string")
        return value

    def optional_string(self, key: str) -> str | None:
        return None if self._members.get(key) is None else self.string(key)

    def strings(self, key: str, default: list[str]) -> list[str]:
        if self._members.get(key) is None:
            return default
        value = self.value(key)
        if not isinstance(value, list):
            raise self._wrong(key, value, "a list")
        return [str(item) for item in value]

    def object(self, key: str, default: Mapping[str, JsonValue] | None = None) -> Mapping[str, JsonValue]:
        if default is not None and self._members.get(key) is None:
            return default
        value = self.value(key)
        if not isinstance(value, dict):
            raise self._wrong(key, value, "an object")
        return value

    def _wrong(self, key: str, value: JsonValue, expected: str) -> MalformedNode:
        return MalformedNode(self._path, f"{key!r} is {value!r}, expected {expected}")
