"""Settings of Ottla alone. All begin with `ottla.`, so that none can meet one of Apache's."""

from __future__ import annotations

from ottla.config.definition import Importance, Setting, Type, UpdateMode
from ottla.config.validators import OneOf, Range

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="ottla.metadata.dir",
        type=Type.STRING,
        default=None,
        importance=Importance.HIGH,
        doc=(
            "Directory for topics, settings and ids when the broker keeps its metadata itself. It lies "
            "outside the log directories; when not set, it is the first of them with `-metadata` at the end."
        ),
    ),
    Setting(
        name="ottla.metrics.listener",
        type=Type.STRING,
        default="",
        doc=(
            "Address `host:port` of the page with metrics and health (`/metrics`, `/healthz`, `/readyz`); port 0 "
            "takes a free one. Empty: there is no such page."
        ),
    ),
    Setting(
        name="ottla.client.versions.file",
        type=Type.STRING,
        default="",
        importance=Importance.LOW,
        doc=(
            "File to which the broker appends, once for each, which client asked for which API in which version: to see "
            "who would miss an old version. Empty: nothing is noted."
        ),
    ),
    Setting(
        name="ottla.validate.records",
        type=Type.BOOLEAN,
        default=False,
        update=UpdateMode.CLUSTER_WIDE,
        importance=Importance.LOW,
        doc=(
            "Whether every record inside a produced batch is looked at, as Apache does. Otherwise the header and "
            "the checksum of the batch are, and records only where a topic's settings need it."
        ),
    ),
    Setting(
        name="ottla.decompressed.batch.max.bytes",
        type=Type.INT,
        default=268_435_456,
        valid=Range(1_048_576),
        importance=Importance.LOW,
        doc=(
            "Bytes to which one batch may grow when the broker has to decompress it; a larger one is refused as corrupt."
        ),
    ),
    Setting(
        name="ottla.shutdown.timeout.ms",
        type=Type.LONG,
        default=30_000,
        valid=Range(0),
        doc="Milliseconds that an orderly stop may take before the connections are cut and the rest is left to recovery.",
    ),
    Setting(
        name="ottla.jaas.file",
        type=Type.STRING,
        default="",
        importance=Importance.LOW,
        doc=(
            "File of JAAS entries, grouped under `KafkaServer` or, for one listener, `listener.KafkaServer`: what Apache's brokers "
            "are told by `-Djava.security.auth.login.config`, which is understood in the variable `KAFKA_OPTS`. For mechanisms "
            "that have no `sasl.jaas.config`."
        ),
    ),
    Setting(
        name="ottla.login.timeout.ms",
        type=Type.LONG,
        default=30_000,
        valid=Range(1),
        importance=Importance.LOW,
        doc=(
            "Milliseconds within which a client has to log in on a listener with SASL, and to have done so again once it has "
            "begun to; then its connection is closed."
        ),
    ),
    Setting(
        name="ottla.log.format",
        type=Type.STRING,
        default="text",
        valid=OneOf(("text", "json")),
        importance=Importance.LOW,
        doc="Form of the broker's own log on stderr: lines for people (`text`) or one JSON object a line (`json`).",
    ),
    Setting(
        name="ottla.log.level",
        type=Type.STRING,
        default="INFO",
        valid=OneOf(("DEBUG", "INFO", "WARNING", "ERROR")),
        importance=Importance.LOW,
        doc="Least level of a line in the broker's own log.",
    ),
)
