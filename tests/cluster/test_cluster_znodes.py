"""The bytes of nodes are Apache's, and whatever else stands there is one clean error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.cluster import paths, znodes
from ottla.cluster.changes import ProducerIdBlock
from ottla.cluster.image import BrokerRegistration, ConfigResource, ConfigType, Endpoint, PartitionState
from ottla.cluster.znodes import MalformedNode, ReplicaAssignment
from ottla.protocol.types import Uuid, uuid_text

# Every node that Apache Kafka 3.9.1 had in its ZooKeeper after some topics were made, one was deleted, a broker's
# setting was changed, records were produced and a group had committed.
APACHE: dict[str, str | None] = json.loads((Path(__file__).parent / "apache-3.9.1-znodes.json").read_text())


def apache(path: str) -> bytes:
    text = APACHE[path]
    assert text is not None
    return text.encode()


def test_every_persistent_path_is_one_of_apaches() -> None:
    """What Apache makes at its first start is there under the same names; the rest is below /ottla."""
    ours = {path for path in paths.PERSISTENT if path.startswith(paths.OURS)}
    assert set(paths.PERSISTENT) - ours <= set(APACHE)
    made_by_hand = {paths.CONTROLLER_EPOCH, paths.CLUSTER_ID, paths.FEATURE, paths.LATEST_PRODUCER_ID_BLOCK}
    branches = {path for path in APACHE if path.count("/") == 1 and path != "/"}
    known = {ancestor for path in paths.PERSISTENT for ancestor in [*paths.ancestors(path), path]}
    assert branches - known - made_by_hand == {paths.CONTROLLER, "/cluster"}
    assert {path[1:] for path in branches} <= paths.ROOTS


def test_topics_are_apaches() -> None:
    """A topic's node reads back and is written as the same bytes."""
    path = paths.topic("t3")
    node = znodes.decode_topic(path, apache(path))
    assert node.topic_id is not None
    assert uuid_text(node.topic_id) == "98Fw8UBnSlCflca44EHGqw"
    assert node.assignments == {p: ReplicaAssignment((0,)) for p in range(3)}
    assert znodes.encode_topic(node.topic_id, node.assignments) == apache(path)


def test_the_order_of_many_partitions_is_the_only_difference() -> None:
    """Scala's map of more than four partitions is in the order of their hashes; ours is in order of partition."""
    path = paths.topic("t12")
    node = znodes.decode_topic(path, apache(path))
    assert list(node.assignments) == list(range(12))
    assert json.loads(znodes.encode_topic(node.topic_id, node.assignments)) == json.loads(apache(path))


def test_partition_states_are_apaches() -> None:
    """Leader, ISR and both epochs; the partition epoch is the node's version."""
    path = paths.state("t3", 1)
    state = znodes.decode_state(path, apache(path), 7, ReplicaAssignment((0, 2), adding=(2,)))
    assert state == PartitionState((0, 2), (0,), 0, 0, 7, controller_epoch=1, adding_replicas=(2,))
    assert znodes.encode_state(state) == apache(path)


def test_a_recovering_leader_is_written_down() -> None:
    """Only a leader that has to recover bears the mark, as Apache writes it."""
    state = PartitionState((1,), (1,), 1, 3, 0, recovering=True)
    written = znodes.encode_state(state)
    assert json.loads(written)["leader_recovery_state"] == 1
    assert znodes.decode_state("/", written, 0, ReplicaAssignment((1,))) == state


def test_brokers_are_apaches() -> None:
    """Endpoints, protocols and the address for old clients."""
    path = paths.broker(0)
    broker = znodes.decode_broker(path, 0, apache(path), 5)
    assert broker == BrokerRegistration(0, 5, (Endpoint("PLAINTEXT", "PLAINTEXT", "127.0.0.1", 28092),))
    assert znodes.encode_broker(broker, 1795443019074) == apache(path)


@pytest.mark.parametrize(
    "broker",
    [
        BrokerRegistration(
            7,
            9,
            (Endpoint("INSIDE", "SASL_PLAINTEXT", "a.b", 1), Endpoint("OUT", "SSL", "::1", 2)),
            "rack-1",
            {"group.version": (0, 1)},
        ),
        BrokerRegistration(1, 0, (Endpoint("SSL", "SSL", "höst", 65535),)),
    ],
)
def test_brokers_of_all_kinds_come_back(broker: BrokerRegistration) -> None:
    """Listeners by name, IPv6 hosts, racks, features; without a plaintext endpoint there is no old address."""
    written = znodes.encode_broker(broker, 0)
    assert json.loads(written)["host"] is None
    assert znodes.decode_broker("/", broker.broker_id, written, broker.epoch) == broker


@pytest.mark.parametrize(
    ("text", "endpoints"),
    [
        (
            '{"version":1,"host":"localhost","port":9092,"jmx_port":9999,"timestamp":"2233345666"}',
            (Endpoint("PLAINTEXT", "PLAINTEXT", "localhost", 9092),),
        ),
        (
            (
                '{"version":3,"host":"h","port":9092,"jmx_port":9,"timestamp":"2","endpoints":["PLAINTEXT://h:9092",'
                '"SSL://h:9093"],"rack":"dc1"}'
            ),
            (Endpoint("PLAINTEXT", "PLAINTEXT", "h", 9092), Endpoint("SSL", "SSL", "h", 9093)),
        ),
    ],
)
def test_older_brokers_are_understood(text: str, endpoints: tuple[Endpoint, ...]) -> None:
    """Versions 1 (one address) and 3 (endpoints named by their protocol)."""
    assert znodes.decode_broker("/", 0, text.encode(), 0).endpoints == endpoints


def test_the_small_nodes_are_apaches() -> None:
    """Controller, epoch, cluster id, features, producer ids, configs and their announcement."""
    assert znodes.encode_controller(0, 1795443019292) == apache(paths.CONTROLLER)
    assert znodes.decode_controller("/", apache(paths.CONTROLLER)) == 0
    assert znodes.encode_controller_epoch(1) == apache(paths.CONTROLLER_EPOCH)
    assert znodes.decode_controller_epoch("/", apache(paths.CONTROLLER_EPOCH)) == 1
    cluster_id = znodes.decode_cluster_id("/", apache(paths.CLUSTER_ID))
    assert znodes.encode_cluster_id(cluster_id) == apache(paths.CLUSTER_ID)
    assert znodes.encode_apache_features() == apache(paths.FEATURE)
    block = ProducerIdBlock(0, 1000)
    assert znodes.encode_producer_id_block(0, block) == apache(paths.LATEST_PRODUCER_ID_BLOCK)
    assert znodes.decode_producer_id_block("/", apache(paths.LATEST_PRODUCER_ID_BLOCK)) == block
    for resource in (ConfigResource(ConfigType.TOPIC, "t3"), ConfigResource(ConfigType.BROKER, "0")):
        path = paths.config(resource)
        assert znodes.encode_config(znodes.decode_config(path, apache(path))) == apache(path)
    announced = apache("/config/changes/config_change_0000000000")
    assert znodes.encode_config_change("brokers/0") == announced


states = st.builds(
    PartitionState,
    replicas=st.just((1, 2)),
    isr=st.lists(st.integers(0, 2**31 - 1)).map(tuple),
    leader=st.integers(-2, 2**31 - 1),
    leader_epoch=st.integers(0, 2**31 - 1),
    partition_epoch=st.integers(0, 2**31 - 1),
    controller_epoch=st.integers(0, 2**31 - 1),
    # Kept elsewhere: in the assignment, and in the brokers' own reports.
    adding_replicas=st.just(()),
    removing_replicas=st.just(()),
    offline_replicas=st.just(()),
    recovering=st.booleans(),
)


@given(states)
def test_any_state_comes_back(state: PartitionState) -> None:
    """Written and read: the same."""
    written = znodes.encode_state(state)
    assert znodes.decode_state("/", written, state.partition_epoch, ReplicaAssignment((1, 2))) == state


@given(st.dictionaries(st.text(), st.text()), st.dictionaries(st.text(), st.integers()))
def test_any_config_and_features_come_back(config: dict[str, str], levels: dict[str, int]) -> None:
    """Names and values of any characters; surrogates can't be encoded and don't come from the wire."""
    assert znodes.decode_config("/", znodes.encode_config(config)) == config
    assert znodes.decode_features("/", znodes.encode_features(levels, {"c": 0})) == (levels, {"c": 0})


def test_a_config_without_bytes_sets_nothing() -> None:
    """Such nodes stand above others, as a user's above its clients."""
    assert znodes.decode_config("/", b"") == {}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
members = st.sampled_from(
    [
        "partitions",
        "isr",
        "leader",
        "leader_epoch",
        "controller_epoch",
        "version",
        "endpoints",
        "host",
        "port",
        "listener_security_protocol_map",
        "features",
        "topic_id",
        "adding_replicas",
        "config",
        "brokerid",
        "id",
        "block_start",
        "block_end",
        "rack",
        "leader_recovery_state",
    ]
)
hostile = st.one_of(
    st.binary(max_size=40),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(members, json_values, max_size=8).map(lambda value: json.dumps(value).encode()),
    st.just(b"[" * 100_000),
)


@given(hostile)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Every decoder gives a value or MalformedNode, which names the node."""
    assignment = ReplicaAssignment((0,))
    for decode in (
        lambda: znodes.decode_topic("/p", data),
        lambda: znodes.decode_state("/p", data, 0, assignment),
        lambda: znodes.decode_broker("/p", 0, data, 0),
        lambda: znodes.decode_config("/p", data),
        lambda: znodes.decode_controller("/p", data),
        lambda: znodes.decode_controller_epoch("/p", data),
        lambda: znodes.decode_cluster_id("/p", data),
        lambda: znodes.decode_features("/p", data),
        lambda: znodes.decode_producer_id_block("/p", data),
    ):
        try:
            decode()
        except MalformedNode as error:
            assert "/p" in str(error)


def test_a_topic_of_an_older_kafka_has_no_id() -> None:
    """Version 2 (reassignments) and 1 (replicas alone)."""
    node = znodes.decode_topic("/", b'{"version":1,"partitions":{"0":[1,2]}}')
    assert node == znodes.TopicNode(None, {0: ReplicaAssignment((1, 2))})
    node = znodes.decode_topic(
        "/",
        b'{"version":2,"partitions":{"0":[1,2]},"adding_replicas":{"0":[2]},"removing_replicas":{"0":[1]}}',
    )
    assert node.assignments[0] == ReplicaAssignment((1, 2), (2,), (1,))
    assert json.loads(znodes.encode_topic(None, node.assignments))["version"] == 2


def test_a_reassignment_comes_back() -> None:
    """Adding and removing replicas stand only for partitions that have some."""
    assignments = {0: ReplicaAssignment((1, 2, 3), (3,), (1,)), 1: ReplicaAssignment((2,))}
    written = znodes.encode_topic(Uuid(bytes(15) + b"x"), assignments)
    assert json.loads(written)["adding_replicas"] == {"0": [3]}
    assert znodes.decode_topic("/", written).assignments == assignments
