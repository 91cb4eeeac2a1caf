"""The whole tree read into an image: when a broker starts, and when it can no longer be sure of the one it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ottla.cluster import paths, znodes
from ottla.cluster.acl_nodes import read_acls
from ottla.cluster.elections import stateless
from ottla.cluster.image import (
    ConfigResource,
    ConfigType,
    ImageDraft,
    MetadataImage,
    PartitionState,
)
from ottla.cluster.token_nodes import read_tokens
from ottla.cluster.tree import Stat, Tree
from ottla.protocol.types import ZERO_UUID

Node = tuple[bytes, Stat] | None


class Reading(NamedTuple):
    """The next image, and what the tree holds besides that a controller has to know or to finish."""

    draft: ImageDraft
    features_version: int | None
    """None: no features were ever finalized."""
    left_by_deletions: list[str]
    """Paths of what is left of topics whose deletion was begun, leaves first; they are not in the image."""


async def read_tree(tree: Tree, older: MetadataImage) -> Reading:
    """Read everything; `older` is the image that the new one follows (for its serial).

    Raises `MalformedNode`, or what the tree raises.
    """
    draft = ImageDraft(older)
    cluster_id, controller, epoch, features = await tree.get_many(
        [paths.CLUSTER_ID, paths.CONTROLLER, paths.CONTROLLER_EPOCH, paths.FEATURES]
    )
    if cluster_id is not None:
        draft.set_cluster_id(znodes.decode_cluster_id(paths.CLUSTER_ID, cluster_id[0]))
    draft.set_controller(
        -1 if controller is None else znodes.decode_controller(paths.CONTROLLER, controller[0]),
        0 if epoch is None else znodes.decode_controller_epoch(paths.CONTROLLER_EPOCH, epoch[0]),
    )
    if features is not None:
        finalized, chosen = znodes.decode_features(paths.FEATURES, features[0])
        draft.set_features(finalized, chosen, features[1].version)
    await _read_brokers(tree, draft)
    await _read_configs(tree, draft)
    await read_acls(tree, draft)
    await read_tokens(tree, draft)
    deletions = await _read_topics(tree, draft)
    return Reading(draft, None if features is None else features[1].version, deletions)


async def _read_brokers(tree: Tree, draft: ImageDraft) -> None:
    for broker_id in draft.older.brokers:
        draft.remove_broker(broker_id)
    names = [name for name in await _children(tree, paths.BROKER_IDS) if name.isdecimal()]
    nodes = await tree.get_many([paths.broker(int(name)) for name in names])
    for name, node in zip(names, nodes, strict=True):
        if node is not None:
            data, stat = node
            path = paths.broker(int(name))
            draft.put_broker(znodes.decode_broker(path, int(name), data, stat.czxid))


async def _read_topics(tree: Tree, draft: ImageDraft) -> list[str]:
    for name in draft.older.topics:
        draft.remove_topic(name)
    deleting = frozenset(await _children(tree, paths.DELETE_TOPICS))
    draft.set_deleting_topics(deleting)
    names = [name for name in await _children(tree, paths.TOPICS) if name not in deleting]
    nodes = await tree.get_many([paths.topic(name) for name in names])
    topics = {
        name: znodes.decode_topic(paths.topic(name), node[0])
        for name, node in zip(names, nodes, strict=True)
        if node is not None
    }
    wanted = [(name, partition) for name, topic in topics.items() for partition in topic.assignments]
    states = await tree.get_many([paths.state(name, partition) for name, partition in wanted])
    partitions: dict[str, dict[int, PartitionState]] = {name: {} for name in topics}
    for (name, partition), node in zip(wanted, states, strict=True):
        assignment = topics[name].assignments[partition]
        state = _partition_state(name, partition, assignment, node)
        older = draft.older.partition(name, partition)
        if older is not None and older.offline_replicas:
            state = state._replace(offline_replicas=older.offline_replicas)
        partitions[name][partition] = state
    for name, topic in topics.items():
        draft.put_topic(name, topic.topic_id or ZERO_UUID, partitions[name])
    return await _leftovers(tree, deleting)


async def _leftovers(tree: Tree, deleting: frozenset[str]) -> list[str]:
    level = [paths.topic(name) for name in sorted(deleting)]
    found: list[str] = []
    while level:
        listed = await tree.children_many(level)
        found += [path for path, names in zip(level, listed, strict=True) if names is not None]
        level = [f"{path}/{name}" for path, names in zip(level, listed, strict=True) for name in names or ()]
    return found[::-1]


def _partition_state(
    name: str, partition: int, assignment: znodes.ReplicaAssignment, node: Node
) -> PartitionState:
    if node is None:
        return stateless(assignment.replicas)
    return znodes.decode_state(paths.state(name, partition), node[0], node[1].version, assignment)


async def _read_configs(tree: Tree, draft: ImageDraft) -> None:
    for resource in draft.older.configs:
        draft.remove_config(resource)
    kinds = list(ConfigType)
    listed = await tree.children_many([paths.config_type(kind) for kind in kinds])
    resources = [
        ConfigResource(kind, name) for kind, names in zip(kinds, listed, strict=True) for name in names or ()
    ]
    resources += await _clients_of_users(tree, resources)
    nodes = await tree.get_many([paths.config(resource) for resource in resources])
    for resource, node in zip(resources, nodes, strict=True):
        if node is not None:
            draft.put_config(resource, znodes.decode_config(paths.config(resource), node[0]))


async def _clients_of_users(tree: Tree, resources: Sequence[ConfigResource]) -> list[ConfigResource]:
    """Quotas of one client of one user lie below the user: `/config/users/<user>/clients/<client>`."""
    users = [resource for resource in resources if resource.type is ConfigType.USER]
    listed = await tree.children_many([f"{paths.config(user)}/clients" for user in users])
    return [
        ConfigResource(ConfigType.USER, f"{user.name}/clients/{client}")
        for user, clients in zip(users, listed, strict=True)
        for client in clients or ()
    ]


async def _children(tree: Tree, path: str) -> list[str]:
    (names,) = await tree.children_many([path])
    return names or []
