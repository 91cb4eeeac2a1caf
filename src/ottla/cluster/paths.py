"""Where everything lies in the tree: the layout of Apache Kafka 3.9 (`kafka.zk.ZkData`), and `/ottla`.

/admin/delete_topics/<topic>                       a deletion that is not through yet
/brokers/ids/<id>                                  ephemeral: a live broker
/brokers/seqid
/brokers/topics/<topic>                            topic id and replicas of each partition
/brokers/topics/<topic>/partitions/<n>/state       leader, epochs, ISR
/cluster/id
/config/{topics,brokers,clients,users,ips}/<name>  what was set for it
/config/changes/config_change_<sequence>           tells other brokers to read a config anew
/controller                                        ephemeral: who is the controller
/controller_epoch
/delegation_token/tokens/<id>                       a delegation token, without its secret
/delegation_token/token_changes                    tells other brokers to read a token anew
/feature
/isr_change_notification, /log_dir_event_notification
/kafka-acl/<Type>/<name>                           access rules about one resource, or `*` for all of a type
/kafka-acl-extended/prefixed/<Type>/<prefix>       access rules about resources by the beginning of their name
/kafka-acl-changes, /kafka-acl-extended-changes    tell other brokers to read rules anew
/latest_producer_id_block
/ottla/features                                    finalized features, which Apache 3.9 keeps only in KRaft
/ottla/config/{groups,client_metrics}/<name>       configs of kinds that Apache 3.9 has only in KRaft
/ottla/acl/{literal,prefixed}/<Type>/<name>        access rules about names that no path can hold, quoted
/ottla/secret                                      random bytes, made by the first broker that needs them
"""

from __future__ import annotations

from typing import Final

from ottla.cluster.image import ConfigResource, ConfigType

ADMIN: Final = "/admin"
DELETE_TOPICS: Final = "/admin/delete_topics"
REASSIGN_PARTITIONS: Final = "/admin/reassign_partitions"
PREFERRED_REPLICA_ELECTION: Final = "/admin/preferred_replica_election"
BROKER_IDS: Final = "/brokers/ids"
BROKER_SEQUENCE_ID: Final = "/brokers/seqid"
TOPICS: Final = "/brokers/topics"
CLUSTER_ID: Final = "/cluster/id"
CONFIG: Final = "/config"
CONFIG_CHANGES: Final = "/config/changes"
CONTROLLER: Final = "/controller"
CONTROLLER_EPOCH: Final = "/controller_epoch"
CONSUMERS: Final = "/consumers"
FEATURE: Final = "/feature"
ISR_CHANGE_NOTIFICATION: Final = "/isr_change_notification"
LOG_DIR_EVENT_NOTIFICATION: Final = "/log_dir_event_notification"
LATEST_PRODUCER_ID_BLOCK: Final = "/latest_producer_id_block"
ACL: Final = "/kafka-acl"
ACL_CHANGES: Final = "/kafka-acl-changes"
EXTENDED_ACL: Final = "/kafka-acl-extended"
EXTENDED_ACL_CHANGES: Final = "/kafka-acl-extended-changes"
DELEGATION_TOKENS: Final = "/delegation_token"
OURS: Final = "/ottla"
FEATURES: Final = "/ottla/features"
OUR_CONFIG: Final = "/ottla/config"
OUR_ACL: Final = "/ottla/acl"
SECRET: Final = "/ottla/secret"  # noqa: S105 - where it lies

_OUR_CONFIG_TYPES: Final = frozenset({ConfigType.GROUP, ConfigType.CLIENT_METRICS})

PERSISTENT: Final = (
    CONSUMERS,
    BROKER_IDS,
    TOPICS,
    CONFIG_CHANGES,
    *(f"{CONFIG}/{kind}" for kind in ConfigType if kind not in _OUR_CONFIG_TYPES),
    DELETE_TOPICS,
    BROKER_SEQUENCE_ID,
    ISR_CHANGE_NOTIFICATION,
    LOG_DIR_EVENT_NOTIFICATION,
    *(f"{OUR_CONFIG}/{kind}" for kind in sorted(_OUR_CONFIG_TYPES)),
)
"""Made, with their parents, before anything else (`ZkData.PersistentZkPaths`, and ours)."""

ROOTS: Final = frozenset(
    {
        "admin",
        "brokers",
        "cluster",
        "config",
        "consumers",
        "controller",
        "controller_epoch",
        "delegation_token",
        "feature",
        "isr_change_notification",
        "kafka-acl",
        "kafka-acl-changes",
        "kafka-acl-extended",
        "kafka-acl-extended-changes",
        "latest_producer_id_block",
        "log_dir_event_notification",
        "ottla",
    }
)
"""The nodes below `/` that are a Kafka cluster's; a ZooKeeper without chroot may have others."""

SENSITIVE: Final = (f"{CONFIG}/users", DELEGATION_TOKENS, SECRET)
"""Hold secrets (SCRAM, tokens, ours) at any depth."""


def broker(broker_id: int) -> str:
    return f"{BROKER_IDS}/{broker_id}"


def topic(name: str) -> str:
    return f"{TOPICS}/{name}"


def partitions(name: str) -> str:
    return f"{TOPICS}/{name}/partitions"


def partition(name: str, partition: int) -> str:
    return f"{TOPICS}/{name}/partitions/{partition}"


def state(name: str, partition: int) -> str:
    return f"{TOPICS}/{name}/partitions/{partition}/state"


def deletion(name: str) -> str:
    return f"{DELETE_TOPICS}/{name}"


def config_type(kind: ConfigType) -> str:
    return f"{OUR_CONFIG if kind in _OUR_CONFIG_TYPES else CONFIG}/{kind}"


def config(resource: ConfigResource) -> str:
    """A quota of a user's client has the name `<user>/clients/<client>`, which is its path too."""
    return f"{config_type(resource.type)}/{resource.name}"


def config_change() -> str:
    """To be created as a sequential node."""
    return f"{CONFIG_CHANGES}/config_change_"


def ancestors(path: str) -> list[str]:
    """`/a/b/c` → `/a`, `/a/b`."""
    names = path.split("/")[1:-1]
    return ["/" + "/".join(names[: depth + 1]) for depth in range(len(names))]
