"""Where the broker listens, who it says it is, and how many connections it takes."""

from __future__ import annotations

from ottla.config import reasons
from ottla.config.definition import Importance, Setting, Type, UpdateMode
from ottla.config.validators import OneOf, Range
from ottla.config.values import INT_MAX, LONG_MAX

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="advertised.listeners",
        type=Type.STRING,
        default=None,
        importance=Importance.HIGH,
        doc=(
            "Addresses that clients and other brokers are told to connect to, in the form of `listeners`. "
            "When not set, a client is told the address it connected to itself."
        ),
    ),
    Setting(
        name="broker.id",
        type=Type.INT,
        default=-1,
        importance=Importance.HIGH,
        doc=(
            "This broker's number in the cluster; another name of `node.id`. With -1 and no `node.id` either,"
            " the number found in the log directories is taken, else 1."
        ),
    ),
    Setting(
        name="node.id",
        type=Type.INT,
        default=-1,
        importance=Importance.HIGH,
        doc=(
            "This broker's number in the cluster, the same after every restart. When neither this nor "
            "`broker.id` is given, the number found in the log directories is taken, else 1."
        ),
    ),
    Setting(
        name="broker.rack",
        type=Type.STRING,
        default=None,
        doc=(
            "The rack or zone this broker stands in. Replicas of a partition are spread over racks, and "
            "consumers may fetch from one of their own."
        ),
    ),
    Setting(
        name="listeners",
        type=Type.STRING,
        default="PLAINTEXT://:9092",
        importance=Importance.HIGH,
        update=UpdateMode.PER_BROKER,
        doc=(
            "Addresses to listen on, as `name://host:port` separated by commas. An empty host means every "
            "interface; a name that isn't a security protocol needs an entry in "
            "`listener.security.protocol.map`."
        ),
    ),
    Setting(
        name="listener.security.protocol.map",
        type=Type.STRING,
        default="SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT",
        importance=Importance.LOW,
        update=UpdateMode.PER_BROKER,
        doc="Security protocol of each listener name, as `name:protocol` separated by commas.",
    ),
    Setting(
        name="inter.broker.listener.name",
        type=Type.STRING,
        default=None,
        doc=(
            "Listener that brokers use among themselves. When not set, the one whose protocol is "
            "`security.inter.broker.protocol`; only one of the two may be set."
        ),
    ),
    Setting(
        name="security.inter.broker.protocol",
        type=Type.STRING,
        default="PLAINTEXT",
        valid=OneOf(("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")),
        doc="Security protocol that brokers use among themselves.",
    ),
    Setting(
        name="early.start.listeners",
        type=Type.STRING,
        default=None,
        importance=Importance.HIGH,
        without_effect=reasons.ONE_START,
        doc="Listeners that open before authorization is ready.",
    ),
    Setting(
        name="control.plane.listener.name",
        type=Type.STRING,
        default=None,
        importance=Importance.HIGH,
        without_effect=reasons.NO_CONTROL_PLANE,
        doc="Listener kept apart for requests from the controller to brokers.",
    ),
    Setting(
        name="socket.listen.backlog.size",
        type=Type.INT,
        default=50,
        valid=Range(1),
        doc="Connections that may wait to be accepted on a listener; the kernel's `somaxconn` caps it.",
    ),
    Setting(
        name="socket.receive.buffer.bytes",
        type=Type.INT,
        default=102_400,
        importance=Importance.HIGH,
        doc=(
            "Size in bytes of a socket's receive buffer (SO_RCVBUF); -1 leaves it to the system, which is done as well when "
            "this is not given."
        ),
    ),
    Setting(
        name="socket.send.buffer.bytes",
        type=Type.INT,
        default=102_400,
        importance=Importance.HIGH,
        doc="Size in bytes of a socket's send buffer (SO_SNDBUF); -1 leaves it to the system.",
    ),
    Setting(
        name="socket.request.max.bytes",
        type=Type.INT,
        default=104_857_600,
        valid=Range(1),
        importance=Importance.HIGH,
        doc="Largest request in bytes; a connection that announces a larger one is closed.",
    ),
    Setting(
        name="queued.max.request.bytes",
        type=Type.LONG,
        default=-1,
        doc=(
            "Bytes of requests, whole and unfinished, held at a time over all connections; reading pauses "
            "above it. -1 sets no limit."
        ),
    ),
    Setting(
        name="queued.max.requests",
        type=Type.INT,
        default=500,
        valid=Range(1),
        importance=Importance.HIGH,
        without_effect=reasons.NO_QUEUE,
        doc="Requests that may wait for a handler thread.",
    ),
    Setting(
        name="num.network.threads",
        type=Type.INT,
        default=3,
        valid=Range(1),
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        without_effect=reasons.NO_THREADS,
        doc="Threads that read requests and write responses.",
    ),
    Setting(
        name="num.io.threads",
        type=Type.INT,
        default=8,
        valid=Range(1),
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        without_effect=reasons.NO_THREADS,
        doc="Threads that handle requests.",
    ),
    Setting(
        name="background.threads",
        type=Type.INT,
        default=10,
        valid=Range(1),
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        without_effect=reasons.NO_THREADS,
        doc="Threads for work in the background.",
    ),
    Setting(
        name="connections.max.idle.ms",
        type=Type.LONG,
        default=600_000,
        doc="A connection without traffic for this many milliseconds is closed; below zero, never.",
    ),
    Setting(
        name="connection.failed.authentication.delay.ms",
        type=Type.INT,
        default=100,
        valid=Range(0),
        importance=Importance.LOW,
        doc=(
            "Milliseconds that a failed authentication waits for its answer, so that guessing is slow. Has to"
            " be below `connections.max.idle.ms`."
        ),
    ),
    Setting(
        name="connections.max.reauth.ms",
        type=Type.LONG,
        default=0,
        doc=(
            "Longest life in milliseconds of a SASL session before the client has to authenticate anew "
            "(KIP-368); 0 never asks for it."
        ),
    ),
    Setting(
        name="max.connections",
        type=Type.INT,
        default=INT_MAX,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Connections the broker holds at a time; a listener can have its own limit under "
            "`listener.name.NAME.`."
        ),
    ),
    Setting(
        name="max.connections.per.ip",
        type=Type.INT,
        default=INT_MAX,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Connections from one address at a time. 0 shuts out every address that "
            "`max.connections.per.ip.overrides` doesn't name."
        ),
    ),
    Setting(
        name="max.connections.per.ip.overrides",
        type=Type.STRING,
        default="",
        update=UpdateMode.CLUSTER_WIDE,
        doc="Limits for single addresses or host names, as `host:count` separated by commas.",
    ),
    Setting(
        name="max.connection.creation.rate",
        type=Type.INT,
        default=INT_MAX,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "New connections a second that the broker accepts; a listener can have its own limit under "
            "`listener.name.NAME.`."
        ),
    ),
    Setting(
        name="request.timeout.ms",
        type=Type.INT,
        default=30_000,
        importance=Importance.HIGH,
        doc=(
            "Milliseconds to wait for the answer to a request that the broker itself sends, and for what its "
            "transaction coordinator writes to be safe."
        ),
    ),
    Setting(
        name="socket.connection.setup.timeout.ms",
        type=Type.LONG,
        default=10_000,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc=(
            "Milliseconds to wait for a connection that the broker itself opens; grows with every failure in "
            "a row."
        ),
    ),
    Setting(
        name="socket.connection.setup.timeout.max.ms",
        type=Type.LONG,
        default=30_000,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Upper end in milliseconds to which `socket.connection.setup.timeout.ms` grows.",
    ),
    Setting(
        name="server.max.startup.time.ms",
        type=Type.LONG,
        default=LONG_MAX,
        valid=Range(0),
        internal=True,
        without_effect=reasons.ONE_START,
        doc="Milliseconds that the start may take at most.",
    ),
    Setting(
        name="broker.id.generation.enable",
        type=Type.BOOLEAN,
        default=True,
        without_effect=reasons.NO_ID_GENERATION,
        doc="Whether ZooKeeper hands out a number to a broker that was given none.",
    ),
    Setting(
        name="reserved.broker.max.id",
        type=Type.INT,
        default=1000,
        valid=Range(0),
        without_effect=reasons.NO_ID_GENERATION,
        doc="Largest number that may be given by hand while ZooKeeper hands out others.",
    ),
)
