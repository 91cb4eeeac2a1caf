"""Kafka's error codes in the words of somebody who wants to know what to do next."""

from typing import TYPE_CHECKING

from ottla.cli.errors import CommandError, UnreachableError

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

    from ottla.cli.connection import Connection

REMEDIES = {
    "UNKNOWN_TOPIC_OR_PART": "`ottla topic list` shows the topics; `ottla topic create NAME` makes one",
    "_UNKNOWN_TOPIC": "`ottla topic list` shows the topics; `ottla topic create NAME` makes one",
    "_UNKNOWN_PARTITION": "`ottla topic describe NAME` shows the partitions there are",
    "TOPIC_ALREADY_EXISTS": "`ottla topic describe NAME` shows it; --if-not-exists accepts it as it is",
    "TOPIC_EXCEPTION": "a name has 1 to 249 of the characters a-z A-Z 0-9 . _ -, and is neither . nor ..",
    "INVALID_REPLICATION_FACTOR": "`ottla cluster describe` shows the brokers there are; a replica needs one each",
    "INVALID_PARTITIONS": "partitions can be added, never taken away",
    "INVALID_CONFIG": "`ottla config describe topic|broker|group NAME --all` shows names and values",
    "GROUP_ID_NOT_FOUND": "`ottla group list` shows the groups",
    "NON_EMPTY_GROUP": "stop the group's consumers first; `ottla group describe NAME` shows them",
    "GROUP_SUBSCRIBED_TO_TOPIC": "stop the group's consumers first; `ottla group describe NAME` shows them",
    "UNKNOWN_MEMBER_ID": "stop the group's consumers first; `ottla group describe NAME` shows them",
    "TOPIC_AUTHORIZATION_FAILED": "ask whoever runs the cluster for an ACL on this topic",
    "GROUP_AUTHORIZATION_FAILED": "ask whoever runs the cluster for an ACL on this group",
    "CLUSTER_AUTHORIZATION_FAILED": "ask whoever runs the cluster for an ACL on the cluster",
    "SECURITY_DISABLED": "set authorizer.class.name on the broker; without it everyone may do everything",
    "_AUTHENTICATION": "check security.protocol and the sasl.* properties given with --property",
    "MSG_SIZE_TOO_LARGE": "raise max.message.bytes of the topic, and -X message.max.bytes for the client",
    "TOPIC_DELETION_DISABLED": "set delete.topic.enable=true on the broker",
    "OFFSET_OUT_OF_RANGE": "`ottla topic describe NAME` shows the offsets that are there",
    "INVALID_TIMESTAMP": "the topic's message.timestamp.*.max.ms bound what a client may write",
    "NOT_ENOUGH_REPLICAS": "fewer replicas are in sync than min.insync.replicas asks for; look at the brokers",
    "INVALID_RECORD": "a compacted topic takes only records with a key",
}
"""By the name that librdkafka gives the code."""

UNREACHABLE = frozenset(
    {"_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT", "_TIMED_OUT_QUEUE", "_RESOLVE", "_SSL"}
)


def explain(error: "KafkaError", doing: str, subject: str | None, connection: "Connection") -> CommandError:
    """The `CommandError` that says what `error` means for somebody who was `doing` something to `subject`."""
    name = error.name()
    if name in UNREACHABLE:
        connection.listen()
        if connection.refusal is not None:
            return refused(connection.refusal, doing, connection)
        return _unreachable(error, doing, connection)
    return CommandError(
        f"cannot {doing}: {_plain(error.str())} ({name})",
        where=f"{subject} on {connection.bootstrap}" if subject else connection.bootstrap,
        remedy=REMEDIES.get(name),
    )


def refused(error: "KafkaError", doing: str, connection: "Connection") -> CommandError:
    """The `CommandError` for a cluster that does not let us in."""
    return CommandError(
        f"cannot {doing}: {_plain(error.str())}",
        where=connection.bootstrap,
        remedy=REMEDIES["_AUTHENTICATION"],
    )


def _unreachable(error: "KafkaError", doing: str, connection: "Connection") -> CommandError:
    complaint = connection.complaints[-1] if connection.complaints else error.str()
    return UnreachableError(
        f"cannot {doing}: the cluster did not answer within {connection.timeout_s:g} s",
        where=f"{connection.bootstrap} ({complaint})",
        remedy=f"`ottla doctor {connection.addresses[0]}` tells what answers there; --timeout waits longer",
    )


def _plain(text: str) -> str:
    return text.strip().removeprefix("Broker: ").removeprefix("Local: ").rstrip(".")
