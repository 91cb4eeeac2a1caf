"""The cluster on ZooKeeper."""

from __future__ import annotations

from ottla.config import reasons
from ottla.config.definition import Importance, Setting, Type
from ottla.config.validators import Range

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="zookeeper.connect",
        type=Type.STRING,
        default=None,
        importance=Importance.HIGH,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc=(
            "ZooKeeper's servers, as `host:port` separated by commas, with a path at the end if the cluster "
            "lives below one. Without it the broker keeps its metadata itself and is a cluster of one."
        ),
    ),
    Setting(
        name="zookeeper.session.timeout.ms",
        type=Type.INT,
        default=18_000,
        importance=Importance.HIGH,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="Milliseconds without contact after which ZooKeeper takes the broker for dead.",
    ),
    Setting(
        name="zookeeper.connection.timeout.ms",
        type=Type.INT,
        default=None,
        importance=Importance.HIGH,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc=(
            "Milliseconds to wait for the first connection to ZooKeeper. When not set, "
            "`zookeeper.session.timeout.ms`."
        ),
    ),
    Setting(
        name="zookeeper.max.in.flight.requests",
        type=Type.INT,
        default=10,
        valid=Range(1),
        importance=Importance.HIGH,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="Requests to ZooKeeper that may be unanswered at a time.",
    ),
    Setting(
        name="zookeeper.set.acl",
        type=Type.BOOLEAN,
        default=False,
        importance=Importance.HIGH,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="Whether nodes in ZooKeeper are made with an ACL that lets only brokers change them.",
    ),
    Setting(
        name="zookeeper.clientCnxnSocket",
        type=Type.STRING,
        default=None,
        without_effect=reasons.NO_JAVA,
        doc="Java class of ZooKeeper's network client.",
    ),
    Setting(
        name="zookeeper.metadata.migration.enable",
        type=Type.BOOLEAN,
        default=False,
        importance=Importance.HIGH,
        without_effect=reasons.NO_KRAFT,
        doc="Whether the metadata moves from ZooKeeper to KRaft.",
    ),
    Setting(
        name="zookeeper.metadata.migration.min.batch.size",
        type=Type.INT,
        default=200,
        valid=Range(1),
        internal=True,
        without_effect=reasons.NO_KRAFT,
        doc="Records in a batch of that move.",
    ),
    Setting(
        name="zookeeper.ssl.client.enable",
        type=Type.BOOLEAN,
        default=False,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="Whether the connection to ZooKeeper uses TLS.",
    ),
    Setting(
        name="zookeeper.ssl.cipher.suites",
        type=Type.LIST,
        default=None,
        importance=Importance.LOW,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="Cipher suites towards ZooKeeper; not set, all that the library offers.",
    ),
    Setting(
        name="zookeeper.ssl.crl.enable",
        type=Type.BOOLEAN,
        default=False,
        importance=Importance.LOW,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="Whether revocation lists are looked at for ZooKeeper's certificate.",
    ),
    Setting(
        name="zookeeper.ssl.enabled.protocols",
        type=Type.LIST,
        default=None,
        importance=Importance.LOW,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="TLS versions towards ZooKeeper; not set, the one in `zookeeper.ssl.protocol`.",
    ),
    Setting(
        name="zookeeper.ssl.endpoint.identification.algorithm",
        type=Type.STRING,
        default="HTTPS",
        importance=Importance.LOW,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="How ZooKeeper's name is checked against its certificate; empty turns the check off.",
    ),
    Setting(
        name="zookeeper.ssl.keystore.location",
        type=Type.STRING,
        default=None,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="File of the keystore with the broker's certificate for ZooKeeper.",
    ),
    Setting(
        name="zookeeper.ssl.keystore.password",
        type=Type.PASSWORD,
        default=None,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="Password of that keystore.",
    ),
    Setting(
        name="zookeeper.ssl.keystore.type",
        type=Type.STRING,
        default=None,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="Format of that keystore; not set, told by the file's name.",
    ),
    Setting(
        name="zookeeper.ssl.ocsp.enable",
        type=Type.BOOLEAN,
        default=False,
        importance=Importance.LOW,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="Whether OCSP is asked about ZooKeeper's certificate.",
    ),
    Setting(
        name="zookeeper.ssl.protocol",
        type=Type.STRING,
        default="TLSv1.2",
        importance=Importance.LOW,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="TLS version towards ZooKeeper.",
    ),
    Setting(
        name="zookeeper.ssl.truststore.location",
        type=Type.STRING,
        default=None,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="File of the truststore for ZooKeeper's certificate.",
    ),
    Setting(
        name="zookeeper.ssl.truststore.password",
        type=Type.PASSWORD,
        default=None,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="Password of that truststore.",
    ),
    Setting(
        name="zookeeper.ssl.truststore.type",
        type=Type.STRING,
        default=None,
        without_effect=reasons.NOT_YET_ZOOKEEPER,
        doc="Format of that truststore; not set, told by the file's name.",
    ),
)
